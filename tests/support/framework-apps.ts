/** A small app of a framework, as its own generator makes it but for what nobody reads. */
export interface FrameworkApp {
  readonly files: Readonly<Record<string, string>>;
  /** A file and the word in it that the app answers with. */
  readonly file: string;
  /** Makes the lockfile in a copy of the app; without one none is committed. */
  readonly lock?: readonly string[];
}

export const word = "hello";

function manifest(content: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ name: "shop", private: true, engines: { node: "24.x" }, ...content }, undefined, 2);
}

const lockNpm = ["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"];
const server = `require("node:http").createServer((q, s) => s.end(require("./word.js"))).listen(process.env.PORT);`;
const plainServer = {
  "server.js": `require("is-odd");\n${server}\n`,
  "word.js": `module.exports = "${word}";\n`,
};

export const frameworkApps: Readonly<Record<string, FrameworkApp>> = {
  express: {
    lock: lockNpm,
    file: "src/server.ts",
    files: {
      "package.json": manifest({
        scripts: { build: "tsc", start: "node dist/server.js" },
        dependencies: { express: "^5.1.0" },
        devDependencies: { typescript: "5.9.3", "@types/node": "24", "@types/express": "5" },
      }),
      "tsconfig.json": JSON.stringify({
        compilerOptions: { module: "nodenext", target: "ES2023", outDir: "./dist", rootDir: "./src", strict: true },
        include: ["src"],
      }),
      "src/server.ts": `import express from "express";\n\nconst app = express();\napp.get("/", (_request, response) => {\n  response.send("${word}");\n});\napp.listen(Number(process.env["PORT"]));\n`,
      ".gitignore": "node_modules\ndist\n",
    },
  },
  next: {
    lock: lockNpm,
    file: "app/page.tsx",
    files: {
      "package.json": manifest({
        scripts: { build: "next build", start: "next start" },
        dependencies: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
        devDependencies: { typescript: "5.9.3", "@types/node": "24", "@types/react": "19", "@types/react-dom": "19" },
      }),
      "app/layout.tsx": `export default function Layout({ children }: { children: React.ReactNode }) {\n  return <html lang="en"><body>{children}</body></html>;\n}\n`,
      "app/page.tsx": `export const dynamic = "force-dynamic";\nexport default function Page() {\n  return <h1>${word}</h1>;\n}\n`,
      "next.config.ts": `export default {};\n`,
      ".gitignore": "node_modules\n.next\n",
    },
  },
  nuxt: {
    lock: lockNpm,
    file: "app/app.vue",
    files: {
      "package.json": manifest({
        type: "module",
        scripts: { build: "nuxt build", dev: "nuxt dev", postinstall: "nuxt prepare" },
        dependencies: { nuxt: "4.5.2", vue: "^3.5.45" },
      }),
      "nuxt.config.ts": `export default defineNuxtConfig({ compatibilityDate: "2025-07-15" });\n`,
      "app/app.vue": `<template><h1>${word}</h1></template>\n`,
      "tsconfig.json": `{ "files": [], "references": [{ "path": "./.nuxt/tsconfig.app.json" }] }\n`,
    },
  },
  "react-router": {
    lock: lockNpm,
    file: "app/routes/home.tsx",
    files: {
      "package.json": manifest({
        type: "module",
        scripts: { build: "react-router build", start: "react-router-serve ./build/server/index.js" },
        dependencies: {
          "@react-router/node": "8.4.0",
          "@react-router/serve": "8.4.0",
          "react-router": "8.4.0",
          react: "19.3.1",
          "react-dom": "19.3.1",
          isbot: "5.2.3",
        },
        devDependencies: { "@react-router/dev": "8.4.0", vite: "^8.0.0", typescript: "5.9.3" },
      }),
      "vite.config.ts": `import { reactRouter } from "@react-router/dev/vite";\nimport { defineConfig } from "vite";\nexport default defineConfig({ plugins: [reactRouter()] });\n`,
      "app/root.tsx": `import { Outlet, Scripts } from "react-router";\nexport default function App() {\n  return <html lang="en"><head><title>shop</title></head><body><Outlet /><Scripts /></body></html>;\n}\n`,
      "app/routes.ts": `import { index } from "@react-router/dev/routes";\nexport default [index("routes/home.tsx")];\n`,
      "app/routes/home.tsx": `export default function Home() {\n  return <h1>${word}</h1>;\n}\n`,
    },
  },
  sveltekit: {
    lock: lockNpm,
    file: "src/routes/+page.svelte",
    files: {
      "package.json": manifest({
        type: "module",
        scripts: { dev: "vite dev", build: "vite build", preview: "vite preview" },
        devDependencies: {
          "@sveltejs/adapter-node": "6.0.1",
          "@sveltejs/kit": "3.2.0",
          "@sveltejs/vite-plugin-svelte": "7.3.1",
          svelte: "5.57.3",
          vite: "^8.0.0",
        },
      }),
      "vite.config.js": `import adapter from "@sveltejs/adapter-node";\nimport { sveltekit } from "@sveltejs/kit/vite";\nimport { defineConfig } from "vite";\nexport default defineConfig({ plugins: [sveltekit({ adapter: adapter() })] });\n`,
      "src/app.html": `<!doctype html>\n<html lang="en"><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>\n`,
      "src/routes/+page.svelte": `<h1>${word}</h1>\n`,
    },
  },
  astro: {
    lock: lockNpm,
    file: "src/pages/index.astro",
    files: {
      "package.json": manifest({
        type: "module",
        scripts: { dev: "astro dev", build: "astro build", preview: "astro preview" },
        dependencies: { astro: "7.3.5", "@astrojs/node": "11.1.6" },
      }),
      "astro.config.mjs": `import node from "@astrojs/node";\nimport { defineConfig } from "astro/config";\nexport default defineConfig({ output: "server", adapter: node({ mode: "standalone" }) });\n`,
      "src/pages/index.astro": `<html lang="en"><body><h1>${word}</h1></body></html>\n`,
    },
  },
  nest: {
    lock: lockNpm,
    file: "src/main.ts",
    files: {
      "package.json": manifest({
        scripts: { build: "nest build", start: "nest start", "start:prod": "node dist/main" },
        dependencies: {
          "@nestjs/common": "12.5.1",
          "@nestjs/core": "12.5.1",
          "@nestjs/platform-express": "12.5.1",
          "reflect-metadata": "0.2.2",
          rxjs: "7.8.2",
        },
        devDependencies: { "@nestjs/cli": "12.0.8", "@nestjs/schematics": "^12.0.0", typescript: "6.0.3" },
      }),
      "nest-cli.json": `{ "collection": "@nestjs/schematics", "sourceRoot": "src" }\n`,
      "tsconfig.json": JSON.stringify({
        compilerOptions: {
          ...{ module: "nodenext", moduleResolution: "nodenext", target: "ES2023", outDir: "./dist", rootDir: "./src" },
          ...{ emitDecoratorMetadata: true, experimentalDecorators: true, skipLibCheck: true, types: [] },
        },
        include: ["src"],
      }),
      "src/main.ts": `import { Controller, Get, Module } from "@nestjs/common";\nimport { NestFactory } from "@nestjs/core";\n\n@Controller()\nclass Greeting {\n  @Get()\n  greet(): string {\n    return "${word}";\n  }\n}\n\n@Module({ controllers: [Greeting] })\nclass App {}\n\ndeclare const process: { env: Record<string, string> };\nvoid NestFactory.create(App).then((app) => app.listen(process.env["PORT"] ?? 3000));\n`,
    },
  },
  "yarn-classic": {
    lock: ["npx", "--yes", "yarn@1.22.22", "install", "--ignore-scripts", "--no-progress"],
    file: "word.js",
    files: {
      ...plainServer,
      "package.json": manifest({ dependencies: { "is-odd": "3.0.1" }, scripts: { start: "node server.js" } }),
      ".gitignore": "node_modules\n",
    },
  },
  "yarn-berry": {
    lock: ["npx", "--yes", "-p", "@yarnpkg/cli-dist@4.18.1", "yarn", "install", "--mode=update-lockfile"],
    file: "word.js",
    files: {
      ...plainServer,
      "package.json": manifest({
        packageManager: "yarn@4.18.1",
        dependencies: { "is-odd": "3.0.1" },
        scripts: { start: "node server.js" },
      }),
      ".gitignore": "node_modules\n.yarn\n.pnp.*\n",
    },
  },
  "pnpm-workspace": {
    lock: ["npx", "--yes", "pnpm@10.34.9", "install", "--lockfile-only", "--ignore-scripts"],
    file: "packages/words/index.js",
    files: {
      "package.json": manifest({ packageManager: "pnpm@10.34.9", scripts: { start: "node apps/web/server.js" } }),
      "pnpm-workspace.yaml": "packages:\n  - apps/*\n  - packages/*\n",
      "apps/web/package.json": JSON.stringify({
        ...{ name: "web", private: true },
        dependencies: { words: "workspace:*", "is-odd": "3.0.1" },
      }),
      "apps/web/server.js": `require("is-odd");\n${server.replace("./word.js", "words")}\n`,
      "packages/words/package.json": '{"name":"words","version":"1.0.0","main":"index.js"}',
      "packages/words/index.js": `module.exports = "${word}";\n`,
      ".gitignore": "node_modules\n",
    },
  },
};
