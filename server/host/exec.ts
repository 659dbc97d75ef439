import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Exec, ExecOptions, ExecResult } from "./ports.ts";

const keptBytes = 65_536;
const killAfterMs = 2_000;

/** Runs programs of this machine, without a shell and without standard input. */
export const execOnHost: Exec = (argv, options) =>
  new Promise((resolve, reject) => {
    options.signal.throwIfAborted();
    const [program = "", ...args] = argv;
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LC_ALL: "C.UTF-8", ...options.env },
    });
    const deadline = AbortSignal.timeout(options.timeoutMs);
    const stop = () => endChild(child);
    const either = AbortSignal.any([deadline, options.signal]);
    either.addEventListener("abort", stop, { once: true });
    const stdout = collect(child.stdout, options);
    const stderr = collect(child.stderr, options);
    const end = (result: ExecResult) => {
      either.removeEventListener("abort", stop);
      if (options.signal.aborted) reject(options.signal.reason as Error);
      else resolve(result);
    };
    child.on("error", (err) => end({ code: 127, stdout: "", stderr: err.message }));
    child.on("close", (code) => {
      const late = deadline.aborted ? `\ngave up after ${options.timeoutMs / 1000} s` : "";
      end({ code: deadline.aborted ? 124 : (code ?? 1), stdout: stdout(), stderr: stderr() + late });
    });
  });

/** A program that ignores SIGTERM is killed; its own children may hold the pipes, so those are closed too. */
function endChild(child: ChildProcessByStdio<null, Readable, Readable>): void {
  child.kill("SIGTERM");
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    child.stdout.destroy();
    child.stderr.destroy();
  }, killAfterMs);
  child.once("close", () => clearTimeout(timer));
}

function collect(stream: NodeJS.ReadableStream, options: ExecOptions): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text = (text + chunk).slice(-keptBytes);
    options.onOutput?.(chunk);
  });
  return () => text;
}
