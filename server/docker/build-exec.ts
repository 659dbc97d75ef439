import { addAbortSignal, type Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { ExecOutput, ExecSpec } from "../builds/image-engine.ts";
import type { ConfigVars } from "../core/types.ts";
import { bounded } from "./bounded.ts";
import { unframed } from "./exec-frames.ts";

const quickMs = 60_000;
const lookEveryMs = 1000;
/** For what the command wrote last and the engine has not handed over yet. */
const lastWordsMs = 500;

/** Without a user: as whom and where the image says. */
interface CommandSpec {
  readonly argv: readonly string[];
  readonly user: ExecSpec["user"] | undefined;
  readonly cwd?: string | undefined;
  readonly env: ConfigVars;
}

function whereOf({ user, cwd = "/app" }: CommandSpec): { User?: string; WorkingDir?: string } {
  if (user === undefined) return {};
  return { User: user === "app" ? "1000:1000" : "0:0", WorkingDir: cwd };
}

/** Runs a command in a started container, its output handed over as it comes; answers the exit code. */
export async function execIn(
  docker: Docker,
  id: string,
  spec: CommandSpec,
  onOutput: ExecOutput,
  signal: AbortSignal,
): Promise<number> {
  const handle = await bounded("prepare a build command", quickMs, signal, (abortSignal) =>
    docker.getContainer(id).exec({
      Cmd: [...spec.argv],
      ...whereOf(spec),
      Env: envList(spec.env),
      AttachStdout: true,
      AttachStderr: true,
      abortSignal,
    }),
  );
  const stream = await handle.start({ hijack: true, stdin: false });
  addAbortSignal(signal, stream);
  using watch = endWithCommand(handle, stream, signal);
  try {
    for await (const { bytes, from } of unframed(stream)) onOutput(bytes, from);
  } catch (err) {
    signal.throwIfAborted();
    if (!watch.hasEnded()) throw err;
  }
  return await exitCode(handle, signal);
}

/**
 * Output goes on for as long as anybody holds the pipe: a process that the command has left in the background would keep
 * the build open until its deadline. So it ends a moment after the command itself has.
 */
function endWithCommand(
  handle: Docker.Exec,
  stream: Duplex,
  signal: AbortSignal,
): Disposable & { hasEnded(): boolean } {
  const stop = new AbortController();
  let hasEnded = false;
  const watch = async (within: AbortSignal): Promise<void> => {
    do await delay(lookEveryMs, undefined, { signal: within });
    while ((await handle.inspect({ abortSignal: within })).Running);
    await delay(lastWordsMs, undefined, { signal: within });
    hasEnded = true;
    stream.destroy();
  };
  // What cannot be seen is told by the stream itself.
  void watch(AbortSignal.any([signal, stop.signal])).catch(() => undefined);
  return { hasEnded: () => hasEnded, [Symbol.dispose]: () => stop.abort() };
}

/** The stream may end a moment before the engine has noted the exit code. */
async function exitCode(handle: Docker.Exec, signal: AbortSignal): Promise<number> {
  return bounded("read the exit code of a build command", quickMs, signal, async (abortSignal) => {
    for (;;) {
      const { Running, ExitCode } = await handle.inspect({ abortSignal });
      if (!Running && ExitCode !== null) return ExitCode;
      await delay(10, undefined, { signal: abortSignal });
    }
  });
}

export function envList(env: ConfigVars): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
