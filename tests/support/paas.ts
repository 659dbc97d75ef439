import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { SystemInfo } from "../../server/api/platform.ts";
import { connectDocker } from "../../server/docker/client.ts";
import { daemonEnvironment, daemonNodeFlags } from "../../server/commands.ts";
import { pingDaemon } from "../../server/daemon/ping.ts";
import { pathsOf } from "../../server/config/config.ts";
import { waitFor } from "../../server/core/time.ts";
import { runCommand, type CommandOptions, type CommandResult } from "./commands.ts";
import { sweep } from "./engine.ts";

const root = path.join(import.meta.dirname, "..", "..");
export const launcher = path.join(root, "cli", "paas");
export const fixtures = path.join(root, "tests", "fixtures", "apps");

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** An address of loopback to come from. */
  readonly localAddress?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A daemon of its own: real process, real engine, own home and ports. Whatever it made is gone after disposal. */
export class TestPaas implements AsyncDisposable {
  readonly dir: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  #daemon: ChildProcess | undefined;
  #info: SystemInfo | undefined;

  private constructor(dir: string, home: string) {
    this.dir = dir;
    this.home = home;
    this.env = {
      ...process.env,
      HOME: path.join(dir, "user"),
      PAAS_HOME: this.home,
      PAAS_DOMAIN: "paas.test",
      PAAS_LISTEN: "127.0.0.1",
      PAAS_HTTP_PORT: "0",
      PAAS_HTTPS_PORT: "0",
      PAAS_ACME_DIRECTORY: "off",
      PAAS_FAULT: "",
      GIT_AUTHOR_NAME: "test",
      GIT_AUTHOR_EMAIL: "test@localhost",
      GIT_COMMITTER_NAME: "test",
      GIT_COMMITTER_EMAIL: "test@localhost",
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_SSH_COMMAND: `ssh -i ${path.join(dir, "user", ".ssh", "id_ed25519")} -o StrictHostKeyChecking=no -o UserKnownHostsFile=${path.join(dir, "known_hosts")} -o LogLevel=ERROR`,
    };
  }

  static async start(env: NodeJS.ProcessEnv = {}): Promise<TestPaas> {
    const dir = await mkdtemp(path.join(tmpdir(), "paas-e2e-"));
    const paas = new TestPaas(dir, env["PAAS_HOME"] ?? path.join(dir, "home"));
    // Not chosen by the kernel: another process's connection could get such a port while the daemon is away.
    Object.assign(paas.env, { PAAS_SSH_PORT: await lastingPort(), PAAS_API_PORT: await lastingPort() }, env);
    await mkdir(path.join(paas.dir, "user", ".ssh"), { recursive: true, mode: 0o700 });
    await paas.must([
      "ssh-keygen",
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-f",
      path.join(paas.dir, "user", ".ssh", "id_ed25519"),
    ]);
    await paas.boot();
    await paas.cli(["keys:add"]).then(mustSucceed);
    return paas;
  }

  get httpPort(): number {
    return this.#info?.httpPort ?? 0;
  }

  get httpsPort(): number {
    return this.#info?.httpsPort ?? 0;
  }

  get sshPort(): number {
    return this.#info?.sshPort ?? 0;
  }

  /** Process id of the daemon. */
  get pid(): number {
    return this.#daemon?.pid ?? -1;
  }

  async boot(env: NodeJS.ProcessEnv = {}): Promise<void> {
    const main = path.join(root, "server", "main.ts");
    let output = "";
    const daemon = spawn(process.execPath, [...daemonNodeFlags, main, "daemon"], {
      env: { ...this.env, ...daemonEnvironment, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    daemon.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    daemon.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    this.#daemon = daemon;
    const { socket } = pathsOf(this.home);
    let closed: readonly string[] = ["it does not answer"];
    await waitFor(
      async () => {
        if (daemon.exitCode !== null) throw new Error(`the daemon ended with ${daemon.exitCode}: ${output}`);
        const ping = await pingDaemon(socket);
        closed = ping?.closed ?? closed;
        return ping?.isReady ?? false;
      },
      { every: 50, signal: AbortSignal.timeout(60_000) },
    ).catch((err: unknown) => {
      throw new Error(`the daemon is not ready: ${closed.join("; ")}`, { cause: err });
    });
    this.#info = JSON.parse(await readSocket(socket, "/v1/system")) as SystemInfo;
    // A daemon that comes back is where git remotes say it is.
    const { httpPort, httpsPort, sshPort, apiPort } = this.#info;
    Object.assign(this.env, {
      PAAS_HTTP_PORT: String(httpPort),
      PAAS_HTTPS_PORT: httpsPort === undefined ? "off" : String(httpsPort),
      PAAS_SSH_PORT: String(sshPort),
      PAAS_API_PORT: String(apiPort),
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon.once("exit", resolve));
    daemon.kill(signal);
    await ended;
  }

  /** Resolves when the daemon has ended by itself. */
  async ended(timeoutMs: number): Promise<void> {
    const daemon = this.#daemon;
    await waitFor(() => daemon?.exitCode !== null || daemon.signalCode !== null, {
      every: 20,
      signal: AbortSignal.timeout(timeoutMs),
    });
  }

  cli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand([launcher, ...args], { cwd: this.dir, env: this.env, ...options });
  }

  async json<T>(args: readonly string[]): Promise<T> {
    const result = mustSucceed(await this.cli([...args, "--json"]));
    return JSON.parse(result.stdout) as T;
  }

  async must(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return mustSucceed(await runCommand(argv, { cwd: this.dir, env: this.env, ...options }));
  }

  /** A git repository with these files on `main`, and the app and remote `paas` made in it. */
  async app(name: string, source: string | Readonly<Record<string, string>>): Promise<TestApp> {
    const dir = path.join(this.dir, name);
    await mkdir(dir, { recursive: true });
    if (typeof source === "string") await cp(path.join(fixtures, source), dir, { recursive: true });
    const app = new TestApp(this, name, dir);
    await this.must(["git", "init", "-q", "-b", "main"], { cwd: dir });
    await app.commit(typeof source === "string" ? {} : source, "first");
    mustSucceed(await this.cli(["apps:create", name], { cwd: dir }));
    return app;
  }

  request(host: string, target = "/", options: RequestOptions = {}): Promise<HttpAnswer> {
    return request(this.httpPort, host, target, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    const routerPid = Number(await readFile(pathsOf(this.home).routerPidFile, "utf8").catch(() => "0"));
    if (routerPid > 0) killQuietly(routerPid);
    const docker = connectDocker();
    const home = await installId(this.home);
    if (home !== undefined) await sweep(docker, home);
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class TestApp {
  readonly paas: TestPaas;
  readonly name: string;
  readonly dir: string;

  constructor(paas: TestPaas, name: string, dir: string) {
    this.paas = paas;
    this.name = name;
    this.dir = dir;
  }

  get host(): string {
    return `${this.name}.paas.test`;
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(this.dir, name)), { recursive: true });
      await writeFile(path.join(this.dir, name), text);
    }
  }

  async commit(files: Readonly<Record<string, string>>, message: string): Promise<void> {
    await this.write(files);
    await this.paas.must(["git", "add", "-A"], { cwd: this.dir });
    await this.paas.must(["git", "commit", "-q", "--allow-empty", "-m", message], { cwd: this.dir });
  }

  git(...args: string[]): Promise<CommandResult> {
    return runCommand(["git", ...args], { cwd: this.dir, env: this.paas.env });
  }

  push(refspec = "main"): Promise<CommandResult> {
    return this.git("push", "paas", refspec);
  }

  async mustPush(refspec = "main"): Promise<CommandResult> {
    return mustSucceed(await this.push(refspec));
  }

  cli(...args: string[]): Promise<CommandResult> {
    return this.paas.cli(args, { cwd: this.dir });
  }

  async mustCli(...args: string[]): Promise<CommandResult> {
    return mustSucceed(await this.cli(...args));
  }

  get(target = "/"): Promise<HttpAnswer> {
    return this.paas.request(this.host, target);
  }

  async body(target = "/"): Promise<string> {
    const answer = await this.get(target);
    if (answer.status !== 200) throw new Error(`${this.host} answered ${answer.status}: ${answer.body}`);
    return answer.body.trim();
  }
}

export function mustSucceed(result: CommandResult): CommandResult {
  if (result.code !== 0) throw new Error(`exit ${result.code}:\n${result.output}`);
  return result;
}

export function request(port: number, host: string, target: string, options: RequestOptions = {}): Promise<HttpAnswer> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const sent = http.request(
      { host: "127.0.0.1", port, path: target, agent: false, ...rest, headers: { host, ...rest.headers } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.once("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      },
    );
    sent.setTimeout(30_000, () => sent.destroy(new Error(`${host}${target} gave no answer within 30 s`)));
    sent.once("error", reject);
    sent.end(body);
  });
}

/** A free one that the kernel gives to nobody who does not ask for it by number. */
async function lastingPort(): Promise<string> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    const server = net.createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return String(port);
  }
}

function readSocket(socketPath: string, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = http.get({ socketPath, path: target, timeout: 5000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
    });
    sent.once("error", reject);
  });
}

/** The home label's value, read from the state file. */
export async function installId(home: string): Promise<string | undefined> {
  const { default: Database } = await import("better-sqlite3");
  try {
    const db = new Database(pathsOf(home).database, { readonly: true });
    const row = db.prepare("select value from settings where key = 'installId'").get() as { value: string } | undefined;
    db.close();
    return row?.value;
  } catch {
    return undefined;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
