import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { isAppError } from "../core/errors.ts";
import type { Actor } from "../core/types.ts";

export interface SshVerbsDeps {
  /** The Node that runs the daemon. */
  readonly node: string;
  /** The bundled CLI. */
  readonly bundle: string;
  readonly socketPath: string;
  /** A token for one command. It is revoked when the command ends. */
  readonly issueToken: (actor: Actor) => { readonly token: string; readonly revoke: () => void };
}

export interface VerbStreams {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** The client's terminal, when it has one. */
  readonly tty?: CallerTerminal | undefined;
}

export interface CallerTerminal {
  readonly columns: number;
  readonly rows: number;
  onResize(listener: (columns: number, rows: number) => void): void;
}

export interface Verbs {
  /** Runs one command line of the CLI for the actor; answers its exit code. */
  run(actor: Actor, argv: readonly string[], streams: VerbStreams, signal: AbortSignal): Promise<number>;
}

const killAfterMs = 5000;

/**
 * The CLI's verbs for people who come by ssh. The CLI runs as a process of its own with nothing in its environment but
 * the socket and the actor's token, and with PAAS_REMOTE, in which it touches no file of this machine and starts no program.
 */
export function createSshVerbs(deps: SshVerbsDeps): Verbs {
  return {
    async run(actor, argv, streams, signal) {
      const issued = deps.issueToken(actor);
      try {
        // What comes after the script's name is the script's: no option of Node itself can be smuggled in.
        const child = spawn(deps.node, [deps.bundle, ...argv], {
          cwd: "/",
          env: environment(deps.socketPath, issued.token, streams),
          // The fourth tells the CLI how the caller's terminal changes its size.
          stdio: ["pipe", "pipe", "pipe", "pipe"],
        });
        return await attend(child, streams, signal);
      } finally {
        revoke(issued.revoke);
      }
    },
  };
}

/** The command may have revoked its own token, or removed the user with all tokens. */
function revoke(issued: () => void): void {
  try {
    issued();
  } catch (err) {
    if (!isAppError(err, "TOKEN_NOT_FOUND")) throw err;
  }
}

function environment(socketPath: string, token: string, { tty }: VerbStreams): NodeJS.ProcessEnv {
  return {
    PAAS_URL: `unix:${socketPath}`,
    PAAS_TOKEN: token,
    PAAS_REMOTE: "1",
    ...(tty === undefined ? {} : { PAAS_TTY: `${tty.columns}x${tty.rows}` }),
  };
}

async function attend(child: ChildProcess, streams: VerbStreams, signal: AbortSignal): Promise<number> {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new TypeError("spawned without pipes");
  const sizes = child.stdio[3] as Writable;
  // The verb may end without reading its input.
  for (const input of [stdin, sizes]) input.on("error", () => undefined);
  streams.tty?.onResize((columns, rows) => sizes.write(`${columns}x${rows}\n`));
  streams.stdin.pipe(stdin);
  stdout.pipe(streams.stdout, { end: false });
  stderr.pipe(streams.stderr, { end: false });
  const stop = () => {
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), killAfterMs).unref();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code ?? 1;
  } finally {
    signal.removeEventListener("abort", stop);
    streams.stdin.unpipe(stdin);
  }
}
