import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { AppError } from "../../../server/core/errors.ts";
import { defaultSpace, newId, parseAppName, type AppId } from "../../../server/core/ids.ts";
import { createLog } from "../../../server/core/log.ts";
import type { Output } from "../../../server/core/output.ts";
import type { Actor, App } from "../../../server/core/types.ts";
import type { PushedCommit, Pushes, VerbIo } from "../../../server/git/ports.ts";
import { createGitHttp } from "../../../server/git/http.ts";
import { Landings } from "../../../server/git/landings.ts";
import type { PushDeps } from "../../../server/git/push.ts";
import { Repositories } from "../../../server/git/repositories.ts";
import { startSshServer } from "../../../server/git/ssh-server.ts";

export type Deploy = (push: PushedCommit, out: Output, signal: AbortSignal) => Promise<boolean>;
export type RunVerb = (argv: readonly string[], io: VerbIo, signal: AbortSignal) => Promise<number>;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A deploy port that remembers apps as the daemon does, and lets each test say what a deploy does. */
export class Deploys implements Pushes {
  readonly apps = new Map<string, App>();
  readonly pushed: PushedCommit[] = [];
  deployNow: Deploy = async () => true;
  atDisconnect: "cancel" | "continue" = "cancel";

  target(_actor: Actor, appName: string) {
    const name = parseAppName(appName);
    if (name === "secret") throw new AppError("FORBIDDEN", { actor: "ann", verb: "app:push", resource: "app secret" });
    const known = this.apps.get(name);
    if (known !== undefined) return { app: known, created: false };
    const app: App = {
      id: newId() as AppId,
      name,
      space: defaultSpace,
      deployBranch: undefined,
      stopped: false,
      createdAt: 0,
    };
    this.apps.set(name, app);
    return { app, created: true };
  }

  source(_actor: Actor, appName: string): App {
    const app = this.apps.get(appName);
    if (app === undefined) throw new AppError("APP_NOT_FOUND", { name: appName });
    return app;
  }

  onDisconnect() {
    return this.atDisconnect;
  }

  async deploy(push: PushedCommit, out: Output, signal: AbortSignal): Promise<boolean> {
    this.pushed.push(push);
    const isUp = await this.deployNow(push, out, signal);
    if (isUp) this.apps.set(push.app.name, { ...push.app, deployBranch: push.branch });
    return isUp;
  }
}

/** The ssh and http doors on free ports, a client with a key, and a folder for it all. */
export class Door implements AsyncDisposable {
  readonly dir: string;
  readonly deploys = new Deploys();
  readonly repositories: Repositories;
  /** The operator's log. */
  readonly logged: string[] = [];
  readonly env: NodeJS.ProcessEnv;
  runVerb: RunVerb = async () => 0;
  httpActor: Actor | undefined = { kind: "user", name: "ann" };
  sshPort = 0;
  httpPort = 0;
  readonly #deps: PushDeps;
  readonly #stack = new AsyncDisposableStack();

  private constructor(dir: string) {
    this.dir = dir;
    this.repositories = new Repositories({ dir: path.join(dir, "home", "repos"), env: process.env });
    const log = createLog((line) => this.logged.push(line));
    this.#deps = { pushes: this.deploys, repositories: this.repositories, landings: new Landings(), log };
    this.env = clientEnvironment(dir);
  }

  static async open(limits: { handshakeMs?: number } = {}): Promise<Door> {
    const door = new Door(await mkdtemp(path.join(tmpdir(), "git-door-")));
    await mkdir(path.join(door.dir, "home"));
    await makeKey(door, "id", "ed25519");
    await door.#openSsh(limits);
    await door.#openHttp();
    return door;
  }

  url(app: string): string {
    return `ssh://paas@127.0.0.1:${this.sshPort}/${app}.git`;
  }

  httpUrl(app: string): string {
    return `http://ann:token@127.0.0.1:${this.httpPort}/${app}.git`;
  }

  repo(app: string): string {
    return path.join(this.dir, "home", "repos", `${this.deploys.apps.get(app)?.id}.git`);
  }

  /** What a ref of the app's repository names; undefined without it. */
  async ref(app: string, ref: string): Promise<string | undefined> {
    const found = await this.run("git", ["-C", this.repo(app), "rev-parse", "--verify", "--quiet", ref]);
    return found.code === 0 ? found.stdout.trim() : undefined;
  }

  /** A client's repository on branch main with one commit. */
  async project(name: string, files: Readonly<Record<string, string>> = { "index.html": "hello\n" }): Promise<Project> {
    const project = new Project(this, path.join(this.dir, name));
    await mkdir(project.dir, { recursive: true });
    await project.git("init", "--quiet", "--initial-branch=main");
    await project.commit(files, "first");
    return project;
  }

  run(
    program: string,
    args: readonly string[],
    options: { cwd?: string; input?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Ran> {
    return new Promise((resolve) => {
      const env = { ...this.env, ...options.env };
      const child = execFile(
        program,
        args,
        { cwd: options.cwd ?? this.dir, env, maxBuffer: 1 << 26 },
        (err, stdout, stderr) => {
          resolve({ code: err === null ? 0 : typeof err.code === "number" ? err.code : 1, stdout, stderr });
        },
      );
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(options.input);
    });
  }

  ssh(...words: readonly string[]): Promise<Ran> {
    return this.run("ssh", [...this.sshOptions(), ...words]);
  }

  sshOptions(key = "id"): readonly string[] {
    const options = [
      "StrictHostKeyChecking=no",
      `UserKnownHostsFile=${this.dir}/known_hosts`,
      "LogLevel=ERROR",
      "IdentitiesOnly=yes",
    ];
    return [
      "-F",
      "none",
      "-p",
      String(this.sshPort),
      "-i",
      path.join(this.dir, key),
      ...options.flatMap((o) => ["-o", o]),
      "paas@127.0.0.1",
    ];
  }

  async #openSsh(limits: { handshakeMs?: number }): Promise<void> {
    const key = (await readFile(path.join(this.dir, "id.pub"), "utf8")).trim();
    const identities = { byFingerprint: (fingerprint: string) => this.known.get(fingerprint) };
    this.allow(key);
    const verbs = {
      run: (_actor: Actor, argv: readonly string[], io: VerbIo, signal: AbortSignal) => this.runVerb(argv, io, signal),
    };
    const hostKeyFile = path.join(this.dir, "home", "ssh_host_ed25519_key");
    const options = { listen: "127.0.0.1", port: 0, hostKeyFile, ...limits };
    this.sshPort = this.#stack.use(await startSshServer({ ...this.#deps, verbs, identities }, options)).port;
    this.env["GIT_SSH_COMMAND"] = [
      "ssh",
      ...this.sshOptions()
        .slice(0, -1)
        .filter((o) => o !== "-p" && o !== String(this.sshPort)),
    ].join(" ");
  }

  readonly known = new Map<string, { actor: Actor; publicKey: string }>();

  allow(publicKey: string): void {
    const blob = Buffer.from(publicKey.split(" ")[1] ?? "", "base64");
    const fingerprint = `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
    this.known.set(fingerprint, { actor: { kind: "user", name: "ann" }, publicKey });
  }

  async #openHttp(): Promise<void> {
    const serve = createGitHttp(this.#deps);
    const server = http.createServer((request, response) => {
      const isKnown = request.headers.authorization === `Basic ${Buffer.from("ann:token").toString("base64")}`;
      if (isKnown && this.httpActor !== undefined) return void serve(request, response, this.httpActor);
      response.writeHead(401, { "www-authenticate": 'Basic realm="paas"' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.httpPort = (server.address() as AddressInfo).port;
    this.#stack.defer(() => {
      server.closeAllConnections();
      server.close();
    });
  }

  /** As the daemon does when it stops. */
  async close(): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await rm(this.dir, { recursive: true, force: true });
  }
}

export class Project {
  readonly dir: string;
  readonly #door: Door;

  constructor(door: Door, dir: string) {
    this.#door = door;
    this.dir = dir;
  }

  /** @throws Error with what git printed */
  async git(...args: readonly string[]): Promise<string> {
    const ran = await this.try(...args);
    if (ran.code !== 0) throw new Error(`git ${args.join(" ")}: ${ran.stderr}`);
    return ran.stdout.trim();
  }

  try(...args: readonly string[]): Promise<Ran> {
    return this.#door.run("git", args, { cwd: this.dir });
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(this.dir, name)), { recursive: true });
      await writeFile(path.join(this.dir, name), content);
    }
  }

  async commit(files: Readonly<Record<string, string>>, message: string): Promise<string> {
    await this.write(files);
    await this.git("add", "-A");
    await this.git("commit", "--quiet", "--allow-empty", "-m", message);
    return this.git("rev-parse", "HEAD");
  }

  push(url: string, ...refs: readonly string[]): Promise<Ran> {
    return this.try("push", url, ...refs);
  }
}

export async function makeKey(door: Door, name: string, kind: string, ...more: readonly string[]): Promise<void> {
  const made = await door.run("ssh-keygen", ["-q", "-t", kind, "-N", "", ...more, "-f", path.join(door.dir, name)]);
  if (made.code !== 0) throw new Error(made.stderr);
}

function clientEnvironment(dir: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: dir,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: "test",
    GIT_AUTHOR_EMAIL: "test@localhost",
    GIT_COMMITTER_NAME: "test",
    GIT_COMMITTER_EMAIL: "test@localhost",
  };
}
