import { addAbortSignal } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { ExecOutput, ExecSpec } from "../builds/image-engine.ts";
import type { ConfigVars } from "../core/types.ts";
import { bounded } from "./bounded.ts";
import { unframed } from "./exec-frames.ts";

const quickMs = 60_000;

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
  try {
    for await (const { bytes, from } of unframed(stream)) onOutput(bytes, from);
  } catch (err) {
    signal.throwIfAborted();
    throw err;
  }
  return await exitCode(handle, signal);
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
