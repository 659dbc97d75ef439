import { spawn, type ChildProcess } from "node:child_process";
import type { Duplex, Readable, Writable } from "node:stream";
import type { GitEnvironment } from "./environment.ts";

export interface GitChild {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Further pipes, by descriptor. */
  pipe(descriptor: number): Duplex;
  /** Exit code; 128 and more for a signal. */
  readonly ended: Promise<number>;
  /** Ends it with all that it started. */
  kill(): void;
}

/** Starts git as the head of a process group of its own, with pipes at descriptors 0 to `lastPipe`. */
export function spawnGit(
  args: readonly string[],
  options: { env: GitEnvironment; cwd: string; lastPipe?: number },
): GitChild {
  const pipes = Array.from({ length: (options.lastPipe ?? 2) + 1 }, () => "pipe" as const);
  const child = spawn("git", args, { cwd: options.cwd, env: { ...options.env }, stdio: pipes, detached: true });
  const pipe = (descriptor: number) => child.stdio[descriptor] as Duplex;
  // A process that ends early breaks its pipes; how it ended says more.
  for (const stream of child.stdio) stream?.on("error", () => undefined);
  return {
    stdin: pipe(0),
    stdout: pipe(1),
    stderr: pipe(2),
    pipe,
    ended: endOf(child),
    kill: () => killGroup(child),
  };
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code) => resolve(code ?? 128));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (err) {
    if (!(err instanceof Error && "code" in err && err.code === "ESRCH")) throw err;
  }
}
