import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ApiDeps } from "../../../server/api/ports.ts";
import { openApiPort, openApiSocket } from "../../../server/api/start.ts";
import { fakeApi } from "../../support/fake-api.ts";
import type { FakeState } from "../../support/fake-platform.ts";

const root = path.resolve(import.meta.dirname, "../../..");
export const launcher = path.join(root, "cli", "paas");
export const bundle = path.join(root, "dist", "paas.mjs");

/** The launcher runs what was bundled: bundle what is here now. */
export function bundleCli(): void {
  execFileSync(process.execPath, [path.join(root, "cli", "bundle.ts")]);
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** The real API on a socket and a port, over a platform in memory, and the real CLI beside it. */
export class TestApi implements AsyncDisposable {
  /** A folder of its own: home of the daemon and of the user. */
  readonly home: string;
  readonly port: number;
  readonly #running: AsyncDisposable;

  constructor(home: string, port: number, running: AsyncDisposable) {
    this.home = home;
    this.port = port;
    this.#running = running;
  }

  get socketPath(): string {
    return path.join(this.home, "paasd.sock");
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Without a login and without variables of the one who runs the tests. */
  environment(changes: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { PATH: process.env["PATH"] ?? "", HOME: this.home, PAAS_HOME: this.home, ...changes };
  }

  spawn(argv: readonly string[], { env, cwd = this.home }: RunOptions = {}): ChildProcess {
    return spawn(launcher, argv, { env: this.environment(env), cwd, stdio: "pipe" });
  }

  /** Runs the CLI to its end. */
  async paas(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const child = this.spawn(argv, options);
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input ?? "");
    return outcomeOf(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    await rm(this.home, { recursive: true, force: true });
  }
}

export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const read = async (stream: Readable | null) => (stream === null ? "" : text(stream));
  const code = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)]);
  return { code: await code, stdout, stderr };
}

export async function startTestApi(state: FakeState, changes: Partial<ApiDeps> = {}): Promise<TestApi> {
  const home = await mkdtemp(path.join(tmpdir(), "paas-cli-"));
  const api = fakeApi(state, changes);
  const running = new AsyncDisposableStack();
  running.use(await openApiSocket(api, path.join(home, "paasd.sock")));
  const { port } = running.use(await openApiPort(api, 0));
  return new TestApi(home, port, running);
}
