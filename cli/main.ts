import { runCommandLine } from "./program.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (err: NodeJS.ErrnoException) => {
    // Whoever read us has enough: `paas logs --tail | head`.
    if (err.code === "EPIPE") process.exit(0);
    throw err;
  });
}

const code = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  isRoot: process.getuid?.() === 0,
  now: Date.now,
});
// What was written to a pipe is flushed before the end; an input that is still open does not hold us.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
