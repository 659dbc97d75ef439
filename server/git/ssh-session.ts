import type { ServerChannel, Session } from "ssh2";
import { messageOf } from "../core/errors.ts";
import { toAppError } from "../core/failure.ts";
import { LineOutput } from "../core/output.ts";
import type { Actor } from "../core/types.ts";
import { ChannelOutput } from "./channel-output.ts";
import { parseCommand, type Command } from "./command.ts";
import type { Terminal, Verbs } from "./ports.ts";
import type { PushDeps } from "./push.ts";
import { receivePush } from "./receive.ts";
import { protocolEnvironment, serveFetch } from "./serve.ts";

export interface SessionDeps extends PushDeps {
  readonly verbs: Verbs;
}

interface Asked {
  readonly deps: SessionDeps;
  readonly actor: Actor;
  /** Aborts when the connection or the channel has closed. */
  readonly gone: AbortSignal;
  readonly gitProtocol: string | undefined;
  readonly terminal: Terminal | undefined;
}

const refusedCode = 4;

/** Serves one session of an ssh connection: one command. */
export function serveSession(deps: SessionDeps, session: Session, actor: Actor, connectionGone: AbortSignal): void {
  let gitProtocol: string | undefined;
  let terminal: GrowingTerminal | undefined;
  session.on("env", (accept: (() => void) | undefined, _reject, { key, val }) => {
    if (key === "GIT_PROTOCOL") gitProtocol = String(val);
    accept?.();
  });
  session.on("pty", (accept: (() => void) | undefined, _reject, { cols, rows }) => {
    terminal = new GrowingTerminal(cols, rows);
    accept?.();
  });
  session.on("window-change", (accept: (() => void) | undefined, _reject, { cols, rows }) => {
    terminal?.resize(cols, rows);
    accept?.();
  });
  const begin = (channel: ServerChannel, command: string) => {
    const closed = new AbortController();
    channel.once("close", () => closed.abort(new Error("the client closed the session")));
    const gone = AbortSignal.any([connectionGone, closed.signal]);
    void serveCommand({ deps, actor, gone, gitProtocol, terminal }, channel, command);
  };
  session.on("exec", (accept, _reject, { command }) => begin(accept(), command));
  session.on("shell", (accept) => begin(accept(), ""));
}

async function serveCommand(asked: Asked, channel: ServerChannel, line: string): Promise<void> {
  const output = new ChannelOutput(channel, asked.gone);
  channel.on("error", () => undefined);
  const code = await run(asked, channel, output, line).catch((err: unknown) => explain(asked, output, err));
  // What the client still sends would keep the channel from closing.
  channel.resume();
  await output.close(code);
}

async function run(asked: Asked, channel: ServerChannel, output: ChannelOutput, line: string): Promise<number> {
  const { deps, actor, gone, terminal } = asked;
  const command = parseCommand(line);
  if (command.kind === "git") return runGitService(asked, channel, output, command);
  const argv = command.argv.length === 0 ? ["help"] : command.argv;
  const io = { stdin: channel, stdout: output.stdout, stderr: output.stderr };
  return deps.verbs.run(actor, argv, terminal === undefined ? io : { ...io, tty: terminal }, gone);
}

function runGitService(
  asked: Asked,
  channel: ServerChannel,
  output: ChannelOutput,
  command: Extract<Command, { kind: "git" }>,
): Promise<number> {
  const { deps, actor, gone } = asked;
  const env = protocolEnvironment(asked.gitProtocol);
  const streams = { stdin: channel, stdout: output.stdout, stderr: output.stderr, options: [], env, gone };
  if (command.service === "upload-pack") {
    return serveFetch(deps.repositories, { ...streams, app: deps.pushes.source(actor, command.appName) });
  }
  return receivePush(deps, { ...streams, actor, target: deps.pushes.target(actor, command.appName) });
}

function explain(asked: Asked, output: ChannelOutput, err: unknown): number {
  if (asked.gone.aborted) return 1;
  const lineEnd = asked.terminal === undefined ? "\n" : "\r\n";
  const out = new LineOutput((line) => output.stderr.write(line + lineEnd));
  const error = toAppError(err, (reference) =>
    asked.deps.log.error("ssh command failed inside", {
      reference,
      actor: asked.actor.name,
      cause: messageOf(err),
      err,
    }),
  );
  out.problem(error.message);
  out.problem(error.hint);
  return error.status === 403 ? refusedCode : 1;
}

class GrowingTerminal implements Terminal {
  columns: number;
  rows: number;
  readonly #listeners: ((columns: number, rows: number) => void)[] = [];

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  onResize(listener: (columns: number, rows: number) => void): void {
    this.#listeners.push(listener);
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    for (const listener of this.#listeners) listener(columns, rows);
  }
}
