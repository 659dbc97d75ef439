import { createHash } from "node:crypto";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Config, Paths } from "../config/config.ts";
import { AppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { waitFor } from "../core/time.ts";
import { connectRouter, type RouterClient } from "./client.ts";
import { openConnection } from "./connection.ts";
import { exitCodes } from "./exit-codes.ts";
import type { RequestRecord } from "./protocol.ts";
import { keyVariable } from "./sealed-file.ts";
import { queuesMigrate } from "./sharing.ts";
import { type Hello, protocolVersion } from "./wire.ts";
import type { ListeningPorts } from "./worker-messages.ts";

export interface EnsureRouterOptions {
  readonly config: Pick<Config, "home" | "listen" | "httpPort" | "routerWorkers"> & {
    readonly httpsPort?: number | undefined;
  };
  readonly paths: Pick<Paths, "routerDir" | "routerPidFile" | "routerSocket">;
  /** The pinned Node. */
  readonly node: string;
  readonly log: Log;
  /** Seals what the router keeps on disk. */
  readonly key: Buffer;
  readonly onRequests: (records: readonly RequestRecord[]) => void;
  readonly signal: AbortSignal;
  /** What tells one version of the router from another; without it that is its source. */
  readonly build?: string;
  /** Whether its workers may listen each for itself; without it the kernel is asked. */
  readonly sharesPort?: boolean;
}

const mainFile = fileURLToPath(new URL("./main.ts", import.meta.url));
/**
 * Measured: 12 MB less under load than with Node's own threads and young generation, at the same speed, and 7 MB less without
 * the compiler between the quick and the thorough one. V8 may not put what it makes for a connection at once among what
 * lives long, because some connections did: there it is garbage that keeps each connection after it alive, and a new
 * connection costs a tenth more. It goes on collecting the young while it marks the old: else a second's garbage of requests
 * is kept by each large collection, and fills the memory that brings about the next one. That one comes when half as much
 * again as lives is taken, or 8 MB, V8's least: by V8's own reckoning, which counts what TLS takes outside of the heap, it would
 * mark every other second; at three times of what lives, full handshakes take 8 MB more than at twice. What uploads are read
 * into stands outside as well, 64 KB at a time: what of it is left to the collector goes with the young when it comes to some
 * MB, not at 64.
 */
export const nodeFlags = [
  "--single-threaded",
  "--max-semi-space-size=1",
  "--no-maglev",
  "--no-allocation-site-pretenuring",
  "--no-separate-gc-phases",
  "--heap-growing-percent=50",
  "--scavenger-max-new-space-capacity-mb=4",
  "--disable-warning=ExperimentalWarning",
];
/** One heap for all threads; and what the compiler was lent is given back: measured, 6 MB less under load. */
export const nodeMemory: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "131072" };
const startTimeoutMs = 15_000;
const stopTimeoutMs = 35_000;
const greetingTimeoutMs = 2_000;
const maxLogBytes = 10_000_000;

/**
 * Attaches to the router that runs, or starts one; one with other settings is replaced. While the client lives, a
 * router that dies is started again. @throws AppError ROUTER_PORT_TAKEN, ROUTER_PORT_DENIED, ROUTER_NOT_STARTED
 */
export async function ensureRouter(options: EnsureRouterOptions): Promise<RouterClient> {
  const { paths, log, onRequests, signal, config } = options;
  await mkdir(paths.routerDir, { recursive: true, mode: 0o700 });
  const live = await greet(paths);
  const build = options.build ?? (await sourceBuild());
  const isUsable = live !== undefined && matches(live, config) && live.build === build;
  if (live !== undefined && !isUsable)
    log.info("router is another or has other settings: replaced", { router: live.pid });
  if (!isUsable) {
    // The new one listens beside the old one, which then steps back: there is no moment in which nobody listens.
    const takesOver = live?.canResign === true && (await canShare(options));
    if (!takesOver) await stopRouter(paths);
    await warmUp(options);
    const before = takesOver ? { http: live.httpPort, https: live.httpsPort } : undefined;
    const http = config.httpPort === 0 && before !== undefined ? before.http : config.httpPort;
    const https = config.httpsPort === 0 ? (before?.https ?? 0) : config.httpsPort;
    await start(options, { http, https }, build, takesOver);
  }
  signal.throwIfAborted();
  const revive = async (last: ListeningPorts) => {
    if ((await greet(paths)) !== undefined || (await livingPid(paths)) !== undefined) return;
    log.warn("router is gone and is started again");
    await start({ ...options, signal: AbortSignal.timeout(startTimeoutMs) }, last, build, false);
  };
  return connectRouter({ socket: paths.routerSocket, onRequests, log, revive });
}

/** Ends the router of a home: what is under way may end within 30 s. True when there was one. */
export async function stopRouter(paths: EnsureRouterOptions["paths"]): Promise<boolean> {
  const pid = (await greet(paths))?.pid ?? (await livingPid(paths));
  if (pid === undefined) return false;
  send(pid, "SIGTERM");
  const hasEnded = async () => (await commandLine(pid)).length === 0;
  try {
    await waitFor(hasEnded, { every: 25, signal: AbortSignal.timeout(stopTimeoutMs) });
  } catch {
    send(pid, "SIGKILL");
    await waitFor(hasEnded, { every: 25, signal: AbortSignal.timeout(stopTimeoutMs) });
  }
  return true;
}

/** Whether the new router may listen on a port that another listens on. */
async function canShare({ config, sharesPort }: EnsureRouterOptions): Promise<boolean> {
  return config.routerWorkers <= 1 || (sharesPort ?? (await queuesMigrate()));
}

function matches(live: Hello, config: EnsureRouterOptions["config"]): boolean {
  const hasPort = config.httpPort === 0 || live.httpPort === config.httpPort;
  const hasTls = config.httpsPort === 0 ? live.httpsPort !== undefined : live.httpsPort === config.httpsPort;
  const isSame = hasTls && live.listen === config.listen && live.workers === config.routerWorkers;
  return live.protocol === protocolVersion && hasPort && isSame;
}

async function greet(paths: EnsureRouterOptions["paths"]): Promise<Hello | undefined> {
  try {
    const connection = await openConnection(paths.routerSocket, greetingTimeoutMs);
    connection.close();
    return connection.hello;
  } catch {
    return undefined;
  }
}

/** Fills the compile cache, so that the router need not load what strips types. Only memory depends on it. */
async function warmUp(options: EnsureRouterOptions): Promise<void> {
  const { node, log, signal } = options;
  const run = promisify(execFile)(node, [...nodeFlags, mainFile, "--warm"], {
    env: environment(options),
    timeout: startTimeoutMs,
    signal,
  });
  await run.catch((err: unknown) => log.warn("router's compile cache was not filled", { err }));
}

async function start(
  options: EnsureRouterOptions,
  ports: ListeningPorts,
  build: string,
  takesOver: boolean,
): Promise<void> {
  const child = launch(options, ports, build, takesOver);
  const ended = new AbortController();
  child.once("error", (cause) => ended.abort(notStarted(options, cause.message)));
  child.once("exit", (code, signal) => ended.abort(startError(code, signal, options, ports)));
  const signal = AbortSignal.any([options.signal, ended.signal, AbortSignal.timeout(startTimeoutMs)]);
  try {
    await waitFor(async () => (await greet(options.paths))?.pid === child.pid, { every: 20, signal });
  } catch {
    options.signal.throwIfAborted();
    ended.signal.throwIfAborted();
    throw notStarted(options, `no answer within ${startTimeoutMs / 1000} s`);
  }
}

function notStarted(options: EnsureRouterOptions, cause: string): AppError {
  return new AppError("ROUTER_NOT_STARTED", { cause, log: logFile(options.paths) });
}

function launch(options: EnsureRouterOptions, ports: ListeningPorts, build: string, takesOver: boolean): ChildProcess {
  const { home, listen, routerWorkers } = options.config;
  const args = [`--home=${home}`, `--listen=${listen}`, `--http-port=${ports.http}`, `--workers=${routerWorkers}`];
  if (ports.https !== undefined) args.push(`--https-port=${ports.https}`);
  args.push(`--build=${build}`);
  if (takesOver) args.push("--take-over");
  if (options.sharesPort === false) args.push("--one-socket");
  const output = openLog(logFile(options.paths));
  try {
    const child = spawn(options.node, [...nodeFlags, mainFile, ...args], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", output, output],
      env: { ...environment(options), [keyVariable]: options.key.toString("base64") },
    });
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

/** Little of the daemon's own: there may be secrets in its environment. */
function environment(options: EnsureRouterOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"] ?? "",
    NODE_COMPILE_CACHE: path.join(options.paths.routerDir, "compile-cache"),
    ...nodeMemory,
  };
}

/** What the router is made of, in short: a router of other source is of another version. */
async function sourceBuild(): Promise<string> {
  const folder = path.dirname(mainFile);
  const entries = await readdir(folder, { recursive: true });
  const files = entries.filter((name) => name.endsWith(".ts")).toSorted();
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(await readFile(path.join(folder, file)));
  return hash.digest("hex").slice(0, 16);
}

function logFile(paths: EnsureRouterOptions["paths"]): string {
  return path.join(paths.routerDir, "router.log");
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > maxLogBytes) renameSync(file, `${file}.1`);
  return openSync(file, "a", 0o600);
}

function startError(
  code: number | null,
  signal: NodeJS.Signals | null,
  options: EnsureRouterOptions,
  ports: ListeningPorts,
): AppError {
  const { listen } = options.config;
  const isHttps = code === exitCodes.httpsPortTaken || code === exitCodes.httpsPortDenied;
  const port = isHttps ? ports.https : ports.http;
  const flag = isHttps ? "--https-port" : "--http-port";
  if (code === exitCodes.portTaken || code === exitCodes.httpsPortTaken)
    return new AppError("ROUTER_PORT_TAKEN", { port, listen, flag });
  if (code === exitCodes.portDenied || code === exitCodes.httpsPortDenied)
    return new AppError("ROUTER_PORT_DENIED", { port, listen, flag });
  const cause = signal === null ? `exit code ${code}` : `signal ${signal}`;
  return notStarted(options, cause);
}

/** The process of the pid file, if it is a router of this home: the number may have passed to another process. */
async function livingPid(paths: EnsureRouterOptions["paths"]): Promise<number | undefined> {
  const pid = Number(await readFile(paths.routerPidFile, "utf8").catch(() => ""));
  return Number.isInteger(pid) && pid > 1 && (await isRouter(pid, paths)) ? pid : undefined;
}

async function isRouter(pid: number, paths: EnsureRouterOptions["paths"]): Promise<boolean> {
  const args = await commandLine(pid);
  return args.some((arg) => arg.endsWith("router/main.ts")) && args.includes(`--home=${path.dirname(paths.routerDir)}`);
}

/** Empty for a process that has ended, also when nobody has collected it. */
async function commandLine(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text === "" ? [] : text.split("\0");
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (err) {
    if (!(err instanceof Error && "code" in err && err.code === "ESRCH")) throw err;
  }
}
