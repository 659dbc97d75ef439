import { remoteApp } from "./app-name.ts";
import { Client } from "./client.ts";
import { findConnection } from "./connection.ts";
import { CliError, exitCode, usageError } from "./failure.ts";
import type { Io } from "./io.ts";
import { LocalMachine } from "./local.ts";
import { problemMark } from "./output/mark.ts";
import type { Input } from "./verb.ts";

/** What a verb works with. */
export class Context {
  readonly io: Io;
  readonly #local: LocalMachine;
  #client: Client | undefined;

  constructor(io: Io) {
    this.io = io;
    this.#local = new LocalMachine(io);
  }

  /** True when the daemon runs us for somebody who came by ssh. */
  get isRemote(): boolean {
    return Boolean(this.io.env["PAAS_REMOTE"]);
  }

  /** @throws CliError over ssh, where the files and programs of this machine are not the caller's */
  get local(): LocalMachine {
    if (!this.isRemote) return this.#local;
    throw new CliError(
      "This needs files or programs of your own machine and does not work over ssh.",
      "Use the paas command there, or give the value on standard input.",
      exitCode.notAllowed,
    );
  }

  get client(): Client {
    const { env, isRoot } = this.io;
    const login = () => (this.isRemote ? undefined : this.#local.readLogin());
    this.#client ??= new Client(findConnection(env, login, isRoot));
    return this.#client;
  }

  /** The app that `-a` or the git remote `paas` names. @throws CliError (usage) that says both ways */
  async app(input: Input): Promise<string> {
    const given = input.option("app");
    if (given !== undefined) return given;
    const url = this.isRemote ? undefined : await this.local.git("config", "--get", "remote.paas.url");
    const app = url === undefined ? undefined : remoteApp(url);
    if (app !== undefined) return app;
    if (input.args.includes("-a") || input.args.includes("--app")) {
      throw usageError(
        "What stands behind a command is the command's own, -a too.",
        "Name the app before it, as in: paas run -a APP COMMAND",
      );
    }
    throw usageError(
      "No app is named.",
      this.isRemote
        ? "Name it with -a APP."
        : "Name it with -a APP, or go to a git repository that has the remote paas: paas git:remote -a APP",
    );
  }

  print(...lines: readonly string[]): void {
    for (const line of lines) this.io.stdout.write(`${line}\n`);
  }

  warn(...lines: readonly string[]): void {
    for (const line of lines) this.io.stderr.write(`${line}\n`);
  }

  /** The value as JSON with `--json`, else as the lines that `render` makes of it. */
  show<T>(input: Input, value: T, render: (value: T) => readonly string[]): void {
    if (input.flag("json")) this.print(JSON.stringify(value, undefined, 2));
    else this.print(...render(value));
  }

  /** Where the lines of a long verb go: with `--json` the standard output is for the value alone; problems never go there. */
  progress(input: Input): (line: string) => void {
    return (line) => (input.flag("json") || line.startsWith(problemMark) ? this.warn(line) : this.print(line));
  }

  /** Whether to colour what goes to the standard output. */
  get hasColour(): boolean {
    return this.io.stdout.isTTY === true && !this.io.env["NO_COLOR"] && this.io.env["TERM"] !== "dumb";
  }
}
