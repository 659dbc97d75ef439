import { spawn, execFile } from "node:child_process";
import { constants } from "node:os";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Login } from "./connection.ts";
import { CliError } from "./failure.ts";
import type { Io } from "./io.ts";

/** The user's own machine: files and programs. Verbs get it only where they run for the person who sits there. */
export class LocalMachine {
  readonly #io: Io;

  constructor(io: Io) {
    this.#io = io;
  }

  get home(): string {
    return this.#io.env["HOME"] ?? "/";
  }

  /** Undefined when there is no such file. */
  readFile(file: string): string | undefined {
    try {
      return readFileSync(path.resolve(this.#io.cwd, file), "utf8");
    } catch (err) {
      if (["ENOENT", "ENOTDIR"].includes((err as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw err;
    }
  }

  /** A file from its beginning to its end. @throws CliError when it cannot be read */
  async openFile(file: string): Promise<AsyncIterable<Uint8Array>> {
    const stream = process.getBuiltinModule("node:fs").createReadStream(path.resolve(this.#io.cwd, file));
    await new Promise<void>((resolve, reject) => {
      stream.once("open", () => resolve());
      stream.once("error", (err: NodeJS.ErrnoException) => {
        reject(new CliError(`The file ${file} cannot be read (${err.code}).`, "Check the name of the file."));
      });
    });
    return stream;
  }

  /** Names in a folder, none when there is no such folder. */
  list(folder: string): readonly string[] {
    try {
      return readdirSync(folder).toSorted();
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw err;
    }
  }

  get loginFile(): string {
    const config = this.#io.env["XDG_CONFIG_HOME"] || path.join(this.home, ".config");
    return path.join(config, "paas", "login.json");
  }

  readLogin(): Login | undefined {
    const text = this.readFile(this.loginFile);
    return text === undefined ? undefined : (JSON.parse(text) as Login);
  }

  writeLogin(login: Login): void {
    mkdirSync(path.dirname(this.loginFile), { recursive: true, mode: 0o700 });
    writeFileSync(this.loginFile, `${JSON.stringify(login)}\n`, { mode: 0o600 });
    // The mode above counts only when the file is new.
    chmodSync(this.loginFile, 0o600);
  }

  removeLogin(): void {
    rmSync(this.loginFile, { force: true });
  }

  /** Output of git without the line end; undefined when it fails or is not installed. */
  git(...args: string[]): Promise<string | undefined> {
    return new Promise((resolve) => {
      execFile("git", args, { cwd: this.#io.cwd, timeout: 10_000 }, (err, stdout) => {
        resolve(err ? undefined : stdout.trimEnd());
      });
    });
  }

  /** Runs a program on this terminal to its end; answers its exit code. */
  run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
    const child = spawn(program, args, { cwd: this.#io.cwd, stdio: "inherit", env: { ...this.#io.env, ...env } });
    // The terminal sends Ctrl-C to the child too: it decides what to do, and we wait for it.
    const wait = () => undefined;
    const forward = () => child.kill("SIGTERM");
    process.on("SIGINT", wait).on("SIGTERM", forward);
    return new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    }).finally(() => process.off("SIGINT", wait).off("SIGTERM", forward));
  }
}
