import { describe, expect, test } from "vitest";
import { buildCommands, commandsOf, type Files, goodPlan, manifest, npmLock, refusalOf } from "./planning.ts";

const express = { dependencies: { express: "^5.1.0" } };
const lock = npmLock({ express: "5.2.0", typescript: "7.0.2" });
const withBuild = { ...express, devDependencies: { typescript: "^7.0.0" }, scripts: { start: "node .", build: "tsc" } };

function app(content: Readonly<Record<string, unknown>>, files: Files = {}): Files {
  return { "package.json": manifest(content), ...files };
}

function runtimeOf(files: Files): string {
  return goodPlan(files).layers[0]?.title ?? "";
}

describe("the Node version", () => {
  test.each([
    ["24.x", "24.21.0"],
    ["^22", "22.23.3"],
    [">=18", "26.1.0"],
    [">=22 <26", "24.21.0"],
    ["23", "23.11.1"],
    ["24.20.0", "24.20.0"],
    ["18 || 20", "20.20.8"],
    ["lts/*", "26.1.0"],
    ["latest", "26.1.0"],
  ])("for engines.node %s is %s", (node, version) => {
    expect(goodPlan(app({ engines: { node } })).runtime).toBe(`node ${version}`);
  });

  test.each([
    [".nvmrc", "v22\n", "22.23.3"],
    [".nvmrc", "\uFEFF# ours\r\nlts/jod\r\n", "22.23.3"],
    [".nvmrc", "node", "26.1.0"],
    [".node-version", "20.20.8", "20.20.8"],
  ])("of %s with %j is %s", (file, text, version) => {
    expect(goodPlan(app({ engines: {} }, { [file]: text })).runtime).toBe(`node ${version}`);
  });

  test("is the newest even major when nothing is said, and that is said", () => {
    const plan = goodPlan(app({ engines: { node: "*" } }));
    expect([plan.runtime, plan.notes]).toEqual([
      "node 26.1.0",
      ['No Node version is asked for: using 26.1.0. Pin one in package.json: "engines": { "node": "26.x" }'],
    ]);
  });

  test("of engines.node comes before .nvmrc, and a difference is said", () => {
    expect(goodPlan(app({}, { ".nvmrc": "22", ".node-version": "24" })).notes).toEqual([
      ".nvmrc says 22; engines.node in package.json comes first: using 24.21.0.",
    ]);
  });

  test("brings an npm that supports it", () => {
    expect(runtimeOf(app({ engines: { node: "18.x" } }))).toBe("Installing node 18.20.8, npm 10.9.9");
    expect(runtimeOf(app({ engines: { node: "14.x" } }))).toBe("Installing node 14.21.3, npm 8.19.4");
    expect(runtimeOf(app({ engines: { node: "24.x", npm: "10.x" } }))).toBe("Installing node 24.21.0, npm 10.9.9");
    expect(runtimeOf(app({ engines: { node: "24.x", npm: "11.3.0" } }))).toBe("Installing node 24.21.0, npm 11.3.0");
  });
});

describe("the package manager", () => {
  test.each([
    [{ "package-lock.json": lock }, "npm ci --omit=dev"],
    [{ "npm-shrinkwrap.json": lock, "package-lock.json": lock }, "npm ci --omit=dev"],
    [{}, "npm install --no-package-lock --omit=dev"],
    [
      { "yarn.lock": "# yarn lockfile v1\n" },
      "yarn install --frozen-lockfile --non-interactive --ignore-engines --production=true",
    ],
    [
      { "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" },
      "pnpm install --frozen-lockfile --prod=true --store-dir=/cache/pnpm",
    ],
    [{ "bun.lock": "" }, "bun install --frozen-lockfile --production"],
  ])("of %j installs with %s", (files, command) => {
    expect(commandsOf(goodPlan(app(express, files)), "dependencies")).toEqual([command]);
  });

  test("is yarn 2 or later by the lockfile or the settings, with a plain node_modules", () => {
    const plan = goodPlan(
      app(express, { "yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "nodeLinker: pnp\n" }),
    );
    expect(commandsOf(plan, "dependencies")).toEqual([
      "yarn install --immutable",
      "yarn workspaces focus --all --production",
    ]);
    expect([plan.env["YARN_NODE_LINKER"], plan.layers[1]?.files]).toEqual([
      "node-modules",
      ["yarn.lock", ".yarnrc.yml"],
    ]);
  });

  test.each([
    [{ "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" }, {}, "pnpm 10.34.9"],
    [{ "pnpm-lock.yaml": "lockfileVersion: '6.0'\n" }, {}, "pnpm 8.15.9"],
    [{ "pnpm-lock.yaml": "lockfileVersion: 5.4\n" }, {}, "pnpm 7.33.7"],
    [{ "pnpm-lock.yaml": "lockfileVersion: 5.4\n" }, { packageManager: "pnpm@9.1.0+sha256.abc" }, "pnpm 9.1.0"],
    [{ "yarn.lock": "" }, {}, "yarn 1.22.22"],
    [{ "yarn.lock": "" }, { packageManager: "yarn@4.1.0" }, "yarn 4.1.0"],
    [{ "yarn.lock": "__metadata:\n  version: 8\n" }, {}, "yarn 4.18.1"],
    [{ "yarn.lock": "__metadata:\n  version: 6\n" }, {}, "yarn 3.8.7"],
    [{ "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" }, { engines: { node: "24.x", pnpm: "9" } }, "pnpm 9.15.9"],
    [{ "bun.lock": "" }, {}, "bun 1.4.5"],
    [{ "bun.lockb": "", ".bun-version": "1.3.0\n" }, {}, "bun 1.3.0"],
    [{ "bun.lock": "" }, { engines: { node: "24.x", bun: "~1.2" } }, "bun 1.2.21"],
    [{ "bun.lock": "" }, { packageManager: "bun@1.1.0" }, "bun 1.1.0"],
  ])("of %j with %j is %s", (files, content, shown) => {
    expect(runtimeOf(app({ ...express, ...content }, files))).toBe(`Installing node 24.21.0, npm 11.21.2, ${shown}`);
  });

  test("is chosen among several lockfiles by packageManager, and the others are named", () => {
    const files = { "package-lock.json": lock, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" };
    const plan = goodPlan(app({ ...express, packageManager: "pnpm@10.1.0" }, files));
    expect([plan.layers[0]?.title, plan.notes]).toEqual([
      "Installing node 24.21.0, npm 11.21.2, pnpm 10.1.0",
      ["package-lock.json is passed over: packageManager says pnpm."],
    ]);
  });

  test("gets the registry of the platform unless the project names one", () => {
    const registryOf = (files: Files) =>
      goodPlan(app(express, files)).layers[1]?.commands[0]?.env?.["npm_config_registry"];
    expect(registryOf({})).toBe("https://registry.test/");
    expect(registryOf({ ".npmrc": "@own:registry=https://own.test\n" })).toBe("https://registry.test/");
    expect(registryOf({ ".npmrc": "save-exact=true\nregistry=https://own.test\n" })).toBeUndefined();
  });

  test.each([
    [{}, "npm_package_config_node_gyp_nodedir"],
    [{ packageManager: "npm@11.6.0" }, "npm_config_nodedir"],
    [{ engines: { node: "20.x", npm: "10.9.9" } }, "npm_config_nodedir"],
    [{ packageManager: "pnpm@10.1.0" }, "npm_config_nodedir"],
  ])("with %j finds Node's headers by %s, of which it does not warn", (content, name) => {
    const env = goodPlan(app({ ...express, ...content })).layers[1]?.commands[0]?.env ?? {};
    expect(Object.entries(env).filter(([key]) => key.endsWith("nodedir"))).toEqual([[name, "/opt/node"]]);
  });

  test("sees config vars only when its settings name one", () => {
    const seesConfig = (text: string) => goodPlan(app(express, { ".npmrc": text })).layers[1]?.commands[0]?.withConfig;
    expect(seesConfig("save-exact=true\n")).toBe(false);
    expect(seesConfig("//own.test/:_authToken=${NPM_TOKEN}\n")).toBe(true);
  });
});

describe("a code-only push", () => {
  test("runs nothing when there is no build script", () => {
    expect(goodPlan(app(express, { "package-lock.json": lock })).build).toBeUndefined();
  });

  test("has no dependency layer when there are no dependencies, whatever the lockfile says", () => {
    const plan = goodPlan(app({ devDependencies: { vitest: "^5.0.0" } }, { "package-lock.json": npmLock({}) }));
    expect([plan.layers.map((l) => l.name), plan.build]).toEqual([["runtime"], undefined]);
  });

  test("keeps the dependency layer when the version, the scripts or the description change", () => {
    const layerOf = (content: object) =>
      goodPlan(app({ ...express, ...content }, { "package-lock.json": lock })).layers[1];
    const changed = layerOf({
      version: "2.0.0",
      description: "new",
      scripts: { start: "node other.js", test: "vitest" },
    });
    expect(changed).toEqual(layerOf({ version: "1.0.0" }));
    expect(layerOf({ overrides: { qs: "6.0.0" } })).not.toEqual(changed);
  });
});

describe("a build", () => {
  test("has the development dependencies, which are removed after it", () => {
    const plan = goodPlan(app(withBuild, { "package-lock.json": lock }));
    expect(commandsOf(plan, "dependencies")).toEqual(["npm ci --include=dev"]);
    expect(buildCommands(plan)).toEqual(["npm run build", "npm prune --ignore-scripts --omit=dev"]);
    expect(plan.build?.commands.every((c) => c.withConfig)).toBe(true);
  });

  test.each([
    [
      "yarn.lock",
      "",
      [
        "yarn run build",
        "yarn install --frozen-lockfile --non-interactive --ignore-engines --production=true --ignore-scripts --prefer-offline",
      ],
    ],
    ["yarn.lock", "__metadata:\n", ["yarn run build", "yarn workspaces focus --all --production"]],
    ["pnpm-lock.yaml", "lockfileVersion: '9.0'\n", ["pnpm run build", "pnpm prune --prod --ignore-scripts"]],
    ["bun.lock", "", ["bun run build", "bun install --production"]],
  ])("with %s %j runs %j", (file, text, commands) => {
    expect(buildCommands(goodPlan(app(withBuild, { [file]: text })))).toEqual(commands);
  });

  test("runs heroku-postbuild in place of build, even an empty one", () => {
    const scripts = { start: "x", build: "tsc", "heroku-postbuild": "make", "heroku-cleanup": "rm -r src" };
    expect(buildCommands(goodPlan(app({ scripts })))).toEqual(["npm run heroku-postbuild", "npm run heroku-cleanup"]);
    expect(goodPlan(app({ scripts: { start: "x", build: "tsc", "heroku-postbuild": "" } })).build).toBeUndefined();
  });

  test("runs heroku-prebuild before the install, which then sees the whole source", () => {
    const plan = goodPlan(
      app({ ...express, scripts: { start: "x", "heroku-prebuild": "./token" } }, { "package-lock.json": lock }),
    );
    expect(plan.layers.map((l) => l.name)).toEqual(["runtime"]);
    expect(buildCommands(plan)).toEqual(["npm run heroku-prebuild", "npm ci --include=dev"]);
    expect(plan.notes).toEqual([
      "heroku-prebuild comes before the install, so dependencies are installed on every push.",
    ]);
  });

  test("runs install scripts of the root, but not the guards of a developer's checkout", () => {
    const run = (scripts: Readonly<Record<string, string>>) =>
      buildCommands(goodPlan(app({ ...express, scripts: { start: "x", ...scripts } })));
    expect(run({ postinstall: "prisma generate" })).toEqual(["npm run postinstall"]);
    expect(run({ preinstall: "npx only-allow npm", prepare: "husky" })).toEqual([]);
  });

  test("rebuilds a node_modules that is checked in", () => {
    const plan = goodPlan(app(express, { "package-lock.json": lock, "node_modules/express/index.js": "" }));
    expect(buildCommands(plan)).toEqual(["npm rebuild", "npm ci --omit=dev"]);
    expect(plan.notes).toEqual([
      "node_modules is checked in, so it is rebuilt on every push. Faster without: git rm -r --cached node_modules",
    ]);
  });
});

describe("workspaces", () => {
  const root = { workspaces: ["packages/*", "!packages/old"] };
  const member = (content: object): string => JSON.stringify({ version: "1.2.3", scripts: { test: "x" }, ...content });
  const files = {
    "package-lock.json": npmLock({}),
    "packages/api/package.json": member({ name: "api" }),
    "packages/lib/package.json": member({ name: "lib", scripts: { postinstall: "make" } }),
    "packages/old/package.json": member({ name: "old" }),
    "packages/notes/README.md": "",
  };

  test("are installed from their manifests alone", () => {
    const layer = goodPlan(app(root, files)).layers[1];
    expect(Object.keys(layer?.inputs ?? {})).toEqual([
      "package.json",
      "packages/api/package.json",
      "packages/lib/package.json",
    ]);
    expect(JSON.parse(layer?.inputs?.["packages/api/package.json"] ?? "")).toEqual({ version: "1.2.3", name: "api" });
    expect(layer?.keep).toEqual([
      "/app/node_modules",
      "/app/packages/api/node_modules",
      "/app/packages/lib/node_modules",
    ]);
  });

  test("run their install scripts with the source", () => {
    expect(buildCommands(goodPlan(app(root, files)))).toEqual(["npm --prefix packages/lib run postinstall"]);
  });

  test("of pnpm stand in a file of their own", () => {
    const { "package-lock.json": _, ...rest } = files;
    const layer = goodPlan(
      app({}, { ...rest, "pnpm-lock.yaml": "", "pnpm-workspace.yaml": "packages:\n  - packages/a*\n" }),
    ).layers[1];
    expect(Object.keys(layer?.inputs ?? {})).toEqual(["package.json", "packages/api/package.json"]);
    expect(layer?.files).toEqual(["pnpm-lock.yaml", "pnpm-workspace.yaml"]);
  });
});

test("an install reads patches, settings and packages of the repository too", () => {
  const content = { dependencies: { lib: "file:./lib", other: "link:../out" } };
  const files = {
    ".npmrc": "",
    "patches/x.patch": "",
    "lib/package.json": "{}",
    "package-lock.json": npmLock({ lib: "1.0.0", other: "1.0.0" }),
  };
  expect(goodPlan(app(content, files)).layers[1]?.files).toEqual(["package-lock.json", ".npmrc", "patches", "lib"]);
});

test("web is npm start, else server.js, else the Procfile's alone", () => {
  expect(goodPlan(app({})).processes).toEqual([{ type: "web", command: "npm start" }]);
  expect(goodPlan(app({ scripts: {} }, { "server.js": "" })).processes).toEqual([
    { type: "web", command: "node server.js" },
  ]);
  expect(goodPlan(app({ scripts: {} }, { Procfile: "web: node x" })).processes).toEqual([]);
});

describe("web without a Procfile", () => {
  const built = (dependencies: object, files: Files = {}, scripts: object = {}) =>
    goodPlan(app({ dependencies, scripts: { build: "make", ...scripts } }, files));

  test.each<readonly [object, Files, string]>([
    [{ next: "^16" }, {}, "next start --port $PORT"],
    [{ nuxt: "^4" }, {}, "node .output/server/index.mjs"],
    [{ "@react-router/serve": "^7", vite: "^8" }, {}, "react-router-serve ./build/server/index.js"],
    [{ "@remix-run/serve": "^2" }, { "vite.config.ts": "x" }, "remix-serve ./build/server/index.js"],
    [{ "@remix-run/serve": "^2" }, {}, "remix-serve ./build/index.js"],
    [{ "@sveltejs/adapter-node": "^5", vite: "^8" }, {}, "node build"],
    [{ astro: "^6", "@astrojs/node": "^9" }, {}, "HOST=0.0.0.0 node ./dist/server/entry.mjs"],
    [{ "@nestjs/core": "^11" }, {}, "node dist/main"],
  ])("with %j is %j %s", (dependencies, files, command) => {
    expect(built(dependencies, files).processes).toEqual([{ type: "web", command }]);
  });

  test.each<readonly [object, Files, string, boolean]>([
    [{ vite: "^8" }, {}, "dist", true],
    [{ vite: "^8" }, { "vite.config.js": 'export default { build: { outDir: "./www/out/" } }' }, "www/out", true],
    [{ "react-scripts": "^5" }, {}, "build", true],
    [{ next: "^16" }, { "next.config.mjs": 'export default { output: "export" }' }, "out", false],
    [{ astro: "^6" }, {}, "dist", false],
    [{ gatsby: "^5" }, {}, "public", false],
    [{ "@11ty/eleventy": "^3" }, {}, "_site", false],
    [{ vitepress: "^1" }, { "docs/.vitepress/config.ts": "" }, "docs/.vitepress/dist", false],
    [{ "@angular/core": "^20" }, { "angular.json": '{"projects":{"shop":{}}}' }, "dist/shop/browser", true],
  ])("with %j and %j serves %s by nginx, without node_modules", (dependencies, files, root, isSinglePage) => {
    const plan = built(dependencies, files);
    const conf = plan.layers.at(-1)?.commands[0]?.argv.at(-1) ?? "";
    expect(plan.processes).toEqual([{ type: "web", command: "/opt/static/serve" }]);
    expect(conf).toContain(`root "/app/${root}";`);
    expect(conf.includes("try_files $uri $uri/ /index.html;")).toBe(isSinglePage);
    expect(plan.layers.filter((l) => l.launch).map((l) => l.name)).toEqual(["server"]);
    expect(buildCommands(plan).at(-1)).toBe("rm -rf node_modules");
  });

  test.each([
    "vite",
    "vite --host 0.0.0.0",
    "cross-env A=1 vite dev",
    "PORT=1 npx vite preview",
    "react-scripts start",
    "ng serve",
  ])("passes over a start script that is a development server: %s", (start) => {
    const plan = built({ vite: "^8" }, {}, { start });
    expect(plan.processes).toEqual([{ type: "web", command: "/opt/static/serve" }]);
    expect(plan.notes).toContain(`The start script (${start}) is a development server, so it is not used.`);
  });

  test.each(["vite build && node server.mjs", "node vite", "next start", "serve -s dist"])(
    "takes the start script %s",
    (start) => {
      expect(built({ vite: "^8" }, {}, { start }).processes).toEqual([{ type: "web", command: "npm start" }]);
    },
  );

  test("is not guessed for a server that has its pages made by Vite", () => {
    expect(refusalOf(app({ dependencies: { express: "^5", vite: "^8" }, scripts: { build: "vite build" } }))).toContain(
      "Nothing says how to start",
    );
  });

  test("of bun is its start script, else the entry", () => {
    expect(goodPlan(app(express, { "bun.lock": "" })).processes).toEqual([{ type: "web", command: "bun run start" }]);
    expect(goodPlan(app({ ...express, scripts: {} }, { "bun.lock": "", "index.ts": "" })).processes).toEqual([
      { type: "web", command: "bun index.ts" },
    ]);
  });

  test("of a Staticfile whose folder is built is nginx with the settings of the Staticfile", () => {
    const plan = built({ vite: "^8" }, { Staticfile: "root: dist\nforce_https: true\n" });
    expect(plan.buildpack).toBe("node");
    expect(plan.layers.at(-1)?.commands[0]?.argv.at(-1)).toContain("http 1;");
  });
});

test("folders that a framework's build is faster with are kept from one build to the next", () => {
  const content = {
    dependencies: { next: "^16" },
    cacheDirectories: ["./bower/", "../x", "node_modules"],
    scripts: { build: "next build" },
  };
  const commands = goodPlan(app(content)).build?.commands ?? [];
  expect(commands.map((c) => c.name ?? c.argv.join(" "))).toEqual([
    "restoring the build cache",
    "npm run build",
    "saving the build cache",
  ]);
  expect(commands[0]?.argv.slice(4)).toEqual([".next/cache", "bower"]);
  expect(commands[2]?.argv.slice(4)).toEqual(["1", ".next/cache", "bower"]);
});

test("the version of Node may stand in volta's settings", () => {
  expect(goodPlan(app({ engines: {}, volta: { node: "22.23.3" } })).runtime).toBe("node 22.23.3");
});

describe("a Node repository is refused", () => {
  const lines = "The newest of each line: 26.1.0, 24.21.0, 22.23.3, 20.20.8, 18.20.8.";
  const out = 'Run "npm install", commit package-lock.json and push again.';
  test.each<readonly [string, Files, string]>([
    [
      "broken package.json",
      { "package.json": "{ name: }" },
      "package.json cannot be read: Expected property name or '}' in JSON at position 2 (line 1 column 3). | Correct it, commit and push again.",
    ],
    [
      "a package.json that is no object",
      { "package.json": "[]" },
      "package.json is no JSON object. | Make one with: npm init. Commit it and push again.",
    ],
    [
      "a package.json with merge markers",
      { "package.json": "{\n<<<<<<< HEAD\n}\n" },
      "package.json has merge conflict markers in it. | Keep one side, remove the markers, commit and push again.",
    ],
    [
      "a version that cannot be had",
      app({ engines: { node: "99.x" } }),
      `engines.node in package.json asks for Node 99.x, which cannot be had. | ${lines} Change it, commit and push again.`,
    ],
    [
      "a word that is no version",
      app({ engines: { node: "stable" } }),
      `engines.node in package.json is "stable", which is not a Node version. | Write one like 24.x there. ${lines}`,
    ],
    [
      ".nvmrc that cannot be had",
      app({ engines: {} }, { ".nvmrc": "v19.1.0" }),
      `.nvmrc asks for Node v19.1.0, which cannot be had. | ${lines} Change it, commit and push again.`,
    ],
    [
      "an npm that is not at hand",
      app({ engines: { node: "24.x", npm: "^7" } }),
      'engines.npm in package.json asks for npm ^7, which is not at hand for Node 24.21.0. | At hand: 11.21.2, 10.9.9, 8.19.4, 6.14.18. Write one exact version, like "npm": "11.21.2", to have any other.',
    ],
    [
      "several lockfiles",
      app(express, { "package-lock.json": lock, "yarn.lock": "" }),
      "There are several lockfiles: package-lock.json, yarn.lock. | Keep the one of the package manager that you use, remove the others with git rm, and push again.",
    ],
    [
      "another lockfile than packageManager's",
      app({ ...express, packageManager: "yarn@1.22.22" }, { "package-lock.json": lock }),
      'packageManager in package.json says yarn, but the lockfile is package-lock.json. | Run "yarn install", commit its lockfile and remove the other one, or correct packageManager.',
    ],
    [
      "packageManager without a version",
      app({ packageManager: "pnpm" }),
      'packageManager in package.json is "pnpm", which cannot be used. | Write npm, yarn, pnpm or bun with an exact version, like "pnpm@10.34.9", or remove the field.',
    ],
    [
      "a bun that cannot be had",
      app({ ...express, engines: { node: "24.x", bun: "^9" } }, { "bun.lock": "" }),
      'bun ^9 is asked for, which is not at hand. | At hand: 1.4.5, 1.3.0, 1.2.21. Write one exact version, like "packageManager": "bun@1.4.5", to have any other.',
    ],
    [
      "a pnpm that is not at hand",
      app({ ...express, engines: { node: "24.x", pnpm: "6.x" } }, { "pnpm-lock.yaml": "" }),
      'pnpm 6.x is asked for, which is not at hand. | At hand: 10.34.9, 9.15.9, 8.15.9, 7.33.7. Write one exact version, like "packageManager": "pnpm@10.34.9", to have any other.',
    ],
    [
      "no way to start but of a member",
      app({ scripts: {}, workspaces: ["apps/*"] }, { "apps/api/package.json": manifest({}) }),
      'Nothing says how to start the app: package.json has no start script, and there is no server.js and no Procfile. | Add "start": "npm --prefix apps/api start" to the scripts of package.json, or commit a Procfile with the line: web: npm --prefix apps/api start',
    ],
    [
      "a lockfile without a dependency",
      app(express, { "package-lock.json": npmLock({}) }),
      `package-lock.json is out of step with package.json: express@^5.1.0 is not in it. | ${out}`,
    ],
    [
      "a lockfile with another version",
      app(express, { "package-lock.json": npmLock({ express: "4.21.0" }) }),
      `package-lock.json is out of step with package.json: express is 4.21.0 in it, ^5.1.0 is asked for. | ${out}`,
    ],
    [
      "a lockfile in conflict",
      app(express, { "package-lock.json": "{\n<<<<<<< HEAD\n" }),
      "package-lock.json has merge conflict markers in it. | Make it anew with: npm install. Commit package-lock.json and push again.",
    ],
    [
      "a lockfile that is no JSON",
      app(express, { "package-lock.json": "{" }),
      "package-lock.json is not valid JSON. | Make it anew with: npm install. Commit package-lock.json and push again.",
    ],
    [
      "no way to start",
      app({ scripts: {}, main: "app.js" }, { "app.js": "" }),
      'Nothing says how to start the app: package.json has no start script, and there is no server.js and no Procfile. | Add "start": "node app.js" to the scripts of package.json, or commit a Procfile with the line: web: node app.js',
    ],
  ])("%s", (_name, files, text) => {
    expect(refusalOf(files)).toBe(text);
  });

  test("never for a lockfile that npm itself would take", () => {
    const aliases = {
      dependencies: { a: "npm:b@^1", c: "github:o/c", d: "latest", e: "^1.0.0-rc.1" },
      optionalDependencies: { f: "^1" },
    };
    const files = { "package-lock.json": npmLock({ a: "1.0.0", c: "3.0.0", d: "9.0.0", e: "1.0.0-rc.2" }) };
    expect(goodPlan(app(aliases, files)).layers).toHaveLength(2);
    const old = JSON.stringify({ lockfileVersion: 1, dependencies: { express: { version: "5.2.0" } } });
    expect(goodPlan(app(express, { "package-lock.json": old })).layers).toHaveLength(2);
    const large = `${lock}${" ".repeat(1024 * 1024)}`;
    expect(goodPlan(app(express, { "package-lock.json": large })).layers).toHaveLength(2);
  });
});
