import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.dirname(import.meta.dirname);
const dist = path.join(root, "dist");

/** Writes a file so that a reader finds the old one or the new one, never half of it. */
function place(name: string, text: string): void {
  const temporary = path.join(dist, `.${name}.${process.pid}`);
  writeFileSync(temporary, text);
  renameSync(temporary, path.join(dist, name));
}

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
