import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, readIfSmall } from "../reading.ts";
import { dependenciesOf, type PackageJson } from "./package-json.ts";
import { buildScript, isPresent } from "./scripts.ts";

/** A folder of pages that the build script makes. */
export interface Pages {
  readonly root: string;
  /** Its router runs in the browser: index.html answers every path. */
  readonly isSinglePage: boolean;
}

/** What a framework's build is served with: a command, or nginx for its pages. */
export type Served = { readonly command: string } | Pages;

interface Framework {
  readonly packages: readonly string[];
  readonly served: (source: SourceView) => Served;
  /** Folders of the build that the next one is faster with. */
  readonly caches?: readonly string[];
}

const command = (text: string) => () => ({ command: text });
const pages = (root: string) => () => ({ root, isSinglePage: false });
const singlePage = (root: string) => () => ({ root, isSinglePage: true });

// The first one that is a dependency counts: those that bring Vite along come before it.
const frameworks: readonly Framework[] = [
  { packages: ["next"], served: servedNext, caches: [".next/cache"] },
  { packages: ["nuxt", "nitropack", "@solidjs/start"], served: command("node .output/server/index.mjs") },
  { packages: ["@react-router/serve"], served: command("react-router-serve ./build/server/index.js") },
  { packages: ["@remix-run/serve"], served: servedRemix },
  { packages: ["@sveltejs/adapter-node"], served: command("node build") },
  { packages: ["@sveltejs/adapter-static"], served: pages("build") },
  { packages: ["@astrojs/node"], served: command("HOST=0.0.0.0 node ./dist/server/entry.mjs") },
  { packages: ["astro"], served: pages("dist"), caches: ["node_modules/.astro"] },
  { packages: ["@nestjs/core"], served: command("node dist/main") },
  { packages: ["gatsby"], served: pages("public"), caches: [".cache"] },
  { packages: ["@docusaurus/core"], served: pages("build"), caches: ["node_modules/.cache"] },
  { packages: ["@11ty/eleventy"], served: pages("_site") },
  { packages: ["vitepress"], served: servedVitepress },
  { packages: ["react-scripts"], served: singlePage("build"), caches: ["node_modules/.cache"] },
  { packages: ["@vue/cli-service"], served: singlePage("dist"), caches: ["node_modules/.cache"] },
  { packages: ["@angular/core"], served: servedAngular, caches: [".angular/cache"] },
  { packages: ["parcel"], served: singlePage("dist"), caches: [".parcel-cache"] },
  { packages: ["vite"], served: servedVite },
];

const servers = ["express", "fastify", "koa", "@hapi/hapi", "hono", "@hono/node-server", "polka", "h3", "restify"];

// Watches sources and reloads pages: for a developer, not for visitors.
const developmentServer = new RegExp(
  [
    "react-scripts start|vite(?! build)|ng serve|vue-cli-service serve|gatsby (?:develop|serve)|parcel(?! build)",
    "webpack(?:-dev-server| serve)|astro (?:dev|preview)|next dev|nuxt dev|docusaurus (?:start|serve)",
    "nest start|eleventy --serve|vitepress (?:dev|preview)|remix(?: vite:|-)?dev|react-router dev",
  ]
    .map((part) => `(?:${part})`)
    .join("|")
    .replace(/^/, "^(?:")
    .replace(/$/, ")(?:\\s|$)"),
);

export function findFramework(pkg: PackageJson): Framework | undefined {
  if (buildScript(pkg) === undefined) return undefined;
  const names = namesOf(pkg);
  const found = frameworks.find((f) => f.packages.some((name) => names.has(name)));
  // A bundler beside a server's framework makes the pages of that server.
  if (found?.packages.includes("vite") && servers.some((name) => names.has(name))) return undefined;
  return found;
}

/** Runs a development server: `vite --host`, `npx next dev`. */
export function isDevelopmentServer(script: string): boolean {
  const plain = script.trim().replace(/^(?:(?:cross-env|npx|bunx|pnpm exec|yarn)\s+|\w+=\S*\s+)*/, "");
  return developmentServer.test(plain);
}

/** `start` of package.json when it is fit for visitors, or when nothing better is known. */
export function usableStart(pkg: PackageJson, hasFramework: boolean): boolean {
  return isPresent(pkg, "start") && !(hasFramework && isDevelopmentServer(pkg.scripts["start"] ?? ""));
}

function servedNext(source: SourceView): Served {
  const isExported = /\boutput\s*:\s*["'`]export/.test(configOf(source, "next.config"));
  return isExported ? { root: "out", isSinglePage: false } : { command: "next start --port $PORT" };
}

function servedRemix(source: SourceView): Served {
  const isVite = configOf(source, "vite.config") !== "";
  return { command: `remix-serve ./build/${isVite ? "server/" : ""}index.js` };
}

function servedVitepress(source: SourceView): Served {
  return { root: source.has("docs/.vitepress") ? "docs/.vitepress/dist" : ".vitepress/dist", isSinglePage: false };
}

function servedVite(source: SourceView): Served {
  const config = configOf(source, "vite.config");
  const folder = /\boutDir\s*:\s*["'`]\.?\/?([\w-]+(?:[./][\w-]+)*)\/?["'`]/.exec(config)?.[1] ?? "dist";
  return { root: folder, isSinglePage: true };
}

/** Where angular.json says, else where its application builder puts it. */
function servedAngular(source: SourceView): Served {
  const [name = "app", project] = Object.entries(asRecord(parsed(source, "angular.json")["projects"]))[0] ?? [];
  const build = asRecord(asRecord(asRecord(project)["architect"])["build"]);
  const output = asRecord(build["options"])["outputPath"];
  const base = asText(output) ?? asText(asRecord(output)["base"]) ?? `dist/${name}`;
  const isSplit = !/browser(-esbuild)?$/.test(asText(build["builder"]) ?? "");
  return { root: `${base.replace(/\/$/, "")}${isSplit ? "/browser" : ""}`, isSinglePage: true };
}

function parsed(source: SourceView, file: string) {
  try {
    return asRecord(JSON.parse(readIfSmall(source, file) ?? "{}"));
  } catch {
    return {};
  }
}

function configOf(source: SourceView, name: string): string {
  const file = ["js", "mjs", "cjs", "ts", "mts"].map((ext) => `${name}.${ext}`).find((f) => source.has(f));
  return file === undefined ? "" : (readIfSmall(source, file) ?? "");
}

function namesOf(pkg: PackageJson): ReadonlySet<string> {
  const kinds = ["dependencies", "devDependencies", "optionalDependencies"];
  return new Set(kinds.flatMap((kind) => Object.keys(dependenciesOf(pkg, kind))));
}
