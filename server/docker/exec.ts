import { readFile } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { TaskStreams } from "../api/platform.ts";
import { AppError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import type { ExecEngine } from "../tasks/ports.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";
import { detachKeys, pumpInput, pumpOutput } from "./streams.ts";

const shortMs = 30_000;
const pollMs = 500;
/** A child left behind may keep the output open; what comes later than this is not waited for. */
const lastOutputMs = 2_000;
const resizeAttempts = 10;
const marker = "PAAS_EXEC";

/** Ends everything that carries the marker $1 in its environment: hang-up first, then for good. */
const endScript = `each() {
  for dir in /proc/[0-9]*; do
    if tr '\\000' '\\n' 2>/dev/null <"$dir/environ" | grep -qxF "$2"; then kill -"$1" "\${dir#/proc/}"; fi
  done
}
each HUP "$1"; each CONT "$1"; sleep 1; each KILL "$1"`;

/** Commands inside running containers on Docker. */
export function createExecEngine(docker: Docker, home: string): ExecEngine {
  return {
    async findInstance(appId, type, index, signal) {
      const wanted = [
        `${labels.home}=${home}`,
        `${labels.kind}=instance`,
        `${labels.app}=${appId}`,
        `${labels.type}=${type}`,
        `${labels.index}=${index}`,
      ];
      const found = await bounded("list containers", shortMs, signal, (abortSignal) =>
        docker.listContainers({ filters: { label: wanted, status: ["running"] }, abortSignal }),
      );
      // While a release rolls out there are two: the newer one is meant.
      return found.toSorted((a, b) => b.Created - a.Created)[0]?.Id;
    },

    async exec(containerId, argv, streams, signal) {
      const mark = `${marker}=${newId()}`;
      const container = docker.getContainer(containerId);
      const exec = await create(container, argv, streams, mark, signal);
      try {
        return await runExec(exec, streams, signal);
      } catch (err) {
        await end(container, exec, mark);
        throw err;
      }
    },
  };
}

async function create(
  container: Docker.Container,
  argv: readonly string[],
  streams: TaskStreams,
  mark: string,
  signal: AbortSignal,
): Promise<Docker.Exec> {
  try {
    return await bounded("prepare a command", shortMs, signal, () =>
      container.exec({
        Cmd: [...argv],
        Env: [mark],
        Tty: streams.tty !== undefined,
        AttachStdin: streams.stdin !== undefined,
        AttachStdout: true,
        AttachStderr: true,
        DetachKeys: detachKeys,
        ...(streams.tty ? { ConsoleSize: [streams.tty.rows, streams.tty.columns] } : {}),
      }),
    );
  } catch (err) {
    const hasEnded = err instanceof Error && isStatus(err.cause, 404, 409);
    if (hasEnded) throw new AppError("TASK_LOST", { task: "The instance" }, { cause: err });
    throw err;
  }
}

async function runExec(exec: Docker.Exec, streams: TaskStreams, signal: AbortSignal): Promise<number> {
  const socket = (await bounded("start a command", shortMs, signal, () =>
    exec.start({ hijack: true, stdin: true, Detach: false, Tty: streams.tty !== undefined }),
  )) as Duplex;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const ended = pumpOutput(socket, streams);
    if (streams.stdin) pumpInput(streams.stdin, socket);
    connectTerminal(exec, streams);
    return await Promise.race([exitCode(exec, ended, signal), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}

function connectTerminal(exec: Docker.Exec, streams: TaskStreams): void {
  let sized = Promise.resolve();
  const resize = (columns: number, rows: number) => {
    sized = sized.then(() => resizeTerminal(exec, columns, rows));
  };
  if (streams.tty === undefined) return;
  resize(streams.tty.columns, streams.tty.rows);
  streams.onResize?.(resize);
}

/** The engine may refuse while the command is still starting, and does once it has ended. */
async function resizeTerminal(exec: Docker.Exec, columns: number, rows: number): Promise<void> {
  for (let attempt = 1; attempt <= resizeAttempts; attempt++) {
    try {
      await (exec.resize({ w: columns, h: rows }) as Promise<unknown>);
      return;
    } catch {
      await delay(10 * attempt, undefined, { ref: false });
    }
  }
}

/** The engine has no way to wait for a command: its output ends with it, or it is asked. */
async function exitCode(exec: Docker.Exec, ended: Promise<void>, signal: AbortSignal): Promise<number> {
  let isOver = false;
  const over = ended.then(() => {
    isOver = true;
  });
  let quietSince: number | undefined;
  for (;;) {
    const { Running: isRunning, ExitCode: code } = await bounded("look at a command", shortMs, signal, () =>
      exec.inspect(),
    );
    if (!isRunning) quietSince ??= performance.now();
    const isLate = quietSince !== undefined && performance.now() - quietSince > lastOutputMs;
    if (!isRunning && (isOver || isLate)) return code ?? 0;
    // The output ends a moment before the engine knows the exit code.
    await Promise.race([isOver ? delay(20) : over, delay(pollMs, undefined, { ref: false })]);
  }
}

/** Nothing else ends a command whose client has gone. */
async function end(container: Docker.Container, exec: Docker.Exec, mark: string): Promise<void> {
  try {
    const ender = await container.exec({ Cmd: ["/bin/sh", "-c", endScript, "sh", mark] });
    await ender.start({ Detach: true });
    const signal = AbortSignal.timeout(5_000);
    while ((await exec.inspect()).Running && !signal.aborted) await delay(100);
    if (signal.aborted) await endFromOutside(exec, mark);
  } catch {
    await endFromOutside(exec, mark).catch(() => undefined);
  }
}

/** For an image without a shell, when the engine is on this machine and we may. */
async function endFromOutside(exec: Docker.Exec, mark: string): Promise<void> {
  const { Pid: pid } = await exec.inspect();
  const environment = await readFile(`/proc/${pid}/environ`, "utf8");
  if (environment.split("\0").includes(mark)) process.kill(pid, "SIGKILL");
}
