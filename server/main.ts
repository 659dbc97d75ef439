import { spawnSync } from "node:child_process";
import { createRequire, enableCompileCache } from "node:module";
import path from "node:path";

// argv + env -> config -> daemon. An older Node is replaced before anything that needs the pinned one is loaded.
if (Number(process.versions.node.split(".")[0]) < 24) {
  const found = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`);
  const pinned = path.join(path.dirname(found), "bin", "node");
  const { status } = spawnSync(pinned, process.argv.slice(1), { stdio: "inherit" });
  process.exit(status ?? 1);
} else {
  // Keeps the code without its types too: the next start is faster and takes less memory.
  enableCompileCache(process.env["NODE_COMPILE_CACHE"] ?? path.join(import.meta.dirname, "..", "dist", "server-cache"));
  const { runMain } = await import("./commands.ts");
  process.exitCode = await runMain(process.argv.slice(2), process.env);
}
