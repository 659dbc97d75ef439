import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Plugin } from "esbuild";

const root = path.dirname(import.meta.dirname);
const dist = path.join(root, "dist");

/** Writes a file so that a reader finds the old one or the new one, never half of it. */
function place(name: string, text: string): void {
  const temporary = path.join(dist, `.${name}.${process.pid}`);
  writeFileSync(temporary, text);
  renameSync(temporary, path.join(dist, name));
}

/** What is used of Node's modules; a name that is missing here fails the build. */
const builtins: Readonly<Record<string, readonly string[]>> = {
  "node:child_process": ["execFile", "spawn"],
  "node:crypto": ["createHash"],
  "node:events": ["EventEmitter"],
  "node:fs": ["chmodSync", "mkdirSync", "readdirSync", "readFileSync", "rmSync", "writeFileSync"],
  "node:os": ["constants"],
  "node:path": [],
  "node:process": [],
  "node:util": ["stripVTControlCharacters"],
};

/**
 * An ESM import of a module of Node evaluates each of its exports, lazy ones like `fs.promises` and `util.diff` with all
 * that they load: 10 ms of start-up. So the bundle takes only what it uses.
 */
const lazyBuiltins: Plugin = {
  name: "lazy-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path: name }) => ({ path: name, namespace: "builtin" }));
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path: name }) => {
      const source = `const all = process.getBuiltinModule(${JSON.stringify(name)});\nexport default all;\n`;
      return { contents: `${source}export const { ${(builtins[name] ?? []).join(", ")} } = all;` };
    });
  },
};

/** The CLI in one file: a fifth of the start-up time of its sources. Without esbuild, in an install without the development tools, the sources run. */
async function bundle(): Promise<string> {
  const esbuild = await import("esbuild").catch(() => undefined);
  if (esbuild === undefined) return 'await import("../cli/main.ts");\n';
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(root, "cli", "main.ts")],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node24",
    minify: true,
    legalComments: "none",
    plugins: [lazyBuiltins],
  });
  return outputFiles[0]?.text ?? "";
}

/** Keeps compiled code beside the bundle. Where that cannot be written it is compiled anew, which takes a few ms. */
const entry = `process.getBuiltinModule("node:module").enableCompileCache(import.meta.dirname + "/compile-cache");
await import("./cli.mjs");
`;

mkdirSync(dist, { recursive: true });
rmSync(path.join(dist, "compile-cache"), { recursive: true, force: true });
place("cli.mjs", await bundle());
place("paas.mjs", entry);
// The first run fills the cache.
execFileSync(process.execPath, [path.join(dist, "paas.mjs"), "help"], { stdio: "ignore" });
