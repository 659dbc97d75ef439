import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import path from "node:path";
import { pathsOf, readConfig, type Config } from "./config/config.ts";
import { AppError, isAppError } from "./core/errors.ts";
import { LineOutput, type Output } from "./core/output.ts";
import { connectDocker } from "./docker/client.ts";
import { hostEngine } from "./docker/host-engine.ts";
import { runDoctor } from "./host/doctor.ts";
import { makeHome } from "./daemon/state.ts";
import { startDaemon } from "./daemon.ts";
import { stopRouter } from "./router/process.ts";
import { isAlive, livingPid, readPid } from "./store/lock.ts";
import { pingDaemon } from "./daemon/ping.ts";

/** Of the daemon's process: both must be there before its first line runs. */
export const daemonEnvironment: Readonly<Record<string, string>> = {
  // The first file too then comes as compiled code, and no compiler is loaded.
  NODE_COMPILE_CACHE: path.join(import.meta.dirname, "..", "dist", "server-cache"),
  // One heap for all threads: 14 MB less, and nothing here allocates from many at once.
  MALLOC_ARENA_MAX: "1",
};

/** A small young generation: the daemon mostly waits, and its memory counts more than its throughput. */
export const daemonNodeFlags: readonly string[] = ["--max-semi-space-size=2"];

const hostTimeoutMs = 30 * 60_000;
const upTimeoutMs = 60_000;
/** A port that somebody holds for longer is not going to be given up. */
const closedDoorTimeoutMs = 5000;
const downTimeoutMs = 60_000;

/** `daemon`, `up [--detach]`, `down`, `doctor [--fix] [--json]`. Answers the exit code. */
export async function runMain(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [verb, ...flags] = argv;
  const out = new LineOutput((line) => process.stdout.write(`${line}\n`));
  try {
    const config = parseConfig(env);
    if (verb === "daemon") return await foreground(config, env);
    if (verb === "up") return await up(config, env, flags, out);
    if (verb === "down") return await down(config, out);
    if (verb === "doctor") return await doctor(config, flags, out);
    process.stderr.write("usage: main.ts daemon | up [--detach] | down | doctor [--fix] [--json]\n");
    return 2;
  } catch (err) {
    const known = portProblem(err) ?? err;
    if (!isAppError(known)) throw err;
    process.stderr.write(`error: ${known.message}\n${known.hint}\n`);
    return 1;
  }
}

/** A port that cannot be listened on, by the error that Node gives. */
function portProblem(err: unknown): AppError | undefined {
  if (!(err instanceof Error) || !("code" in err) || !("port" in err) || err.code !== "EACCES") return undefined;
  return new AppError("PORT_DENIED", { port: Number(err.port) }, { cause: err });
}

function parseConfig(env: NodeJS.ProcessEnv): Config {
  const result = readConfig(env, process.getuid?.() === 0);
  if (!result.ok) throw new AppError("SETTINGS_INVALID", { problems: result.problems.join("; ") });
  return result.config;
}

async function doctor(config: Config, flags: readonly string[], out: Output): Promise<number> {
  const isJson = flags.includes("--json");
  const shown = isJson ? new LineOutput((line) => process.stderr.write(`${line}\n`)) : out;
  const report = await runDoctor({
    fix: flags.includes("--fix"),
    out: shown,
    engine: hostEngine(connectDocker()),
    settings: config,
    signal: AbortSignal.timeout(hostTimeoutMs),
  });
  if (isJson) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  return report.ready ? 0 : 1;
}

/** The daemon in this process, until SIGTERM or SIGINT. */
async function foreground(config: Config, env: NodeJS.ProcessEnv): Promise<number> {
  const stop = Promise.withResolvers<void>();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.resolve());
  await using daemon = await startDaemon(config, env);
  process.stdout.write(`paasd runs in ${config.home} (process ${process.pid})\n`);
  for (const closed of daemon.info().closedDoors)
    process.stderr.write(` !     ${closed}; tried again until it is free\n`);
  await stop.promise;
  return 0;
}

async function up(config: Config, env: NodeJS.ProcessEnv, flags: readonly string[], out: Output): Promise<number> {
  const paths = pathsOf(config.home);
  if ((await pingDaemon(paths.socket)) !== undefined) {
    throw new AppError("DAEMON_RUNNING", { home: config.home, pid: readPid(paths.pidFile) ?? "unknown" });
  }
  const report = await runDoctor({
    fix: true,
    out,
    engine: hostEngine(connectDocker()),
    settings: config,
    signal: AbortSignal.timeout(hostTimeoutMs),
  });
  if (!report.ready) return 1;
  if (!flags.includes("--detach")) {
    whatNext(config, out);
    return await foreground(config, env);
  }
  await detach(config, env);
  whatNext(config, out);
  return 0;
}

/** Starts the daemon on its own and waits until it is ready. One that does not become so is ended again. */
async function detach(config: Config, env: NodeJS.ProcessEnv): Promise<void> {
  const paths = pathsOf(config.home);
  makeHome(config.home, paths);
  const routerBefore = livingPid(paths.routerPidFile);
  const log = openSync(path.join(config.home, "paasd.out"), "w", 0o600);
  writeSync(log, "");
  const main = path.join(import.meta.dirname, "main.ts");
  const child = spawn(process.execPath, [...daemonNodeFlags, main, "daemon"], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...env, ...daemonEnvironment, PAAS_HOME: config.home },
    cwd: "/",
  });
  closeSync(log);
  try {
    await untilReady(child, config.home, paths.socket);
  } catch (err) {
    child.kill("SIGTERM");
    await once(child, "exit", { signal: AbortSignal.timeout(downTimeoutMs) }).catch(() => undefined);
    // One of before goes on serving; the one of this start serves nobody.
    if (routerBefore === undefined) await stopRouter(paths);
    throw err;
  }
  child.unref();
}

/** @throws AppError DAEMON_DID_NOT_START, PORT_TAKEN */
async function untilReady(child: ChildProcess, home: string, socketPath: string): Promise<void> {
  const deadline = Date.now() + upTimeoutMs;
  let answersSince: number | undefined;
  for (;;) {
    const ping = await pingDaemon(socketPath);
    if (ping?.isReady === true) return;
    if (child.exitCode !== null || child.signalCode !== null) throw didNotStart(home, child.exitCode ?? 1);
    answersSince = ping === undefined ? undefined : (answersSince ?? Date.now());
    if (ping !== undefined && Date.now() > (answersSince ?? 0) + closedDoorTimeoutMs)
      throw new AppError("PORT_TAKEN", { problems: ping.closed.join("; ") });
    if (Date.now() > deadline) throw new AppError("DAEMON_DID_NOT_START", { home, how: "did not answer within 60 s" });
    await delay(50);
  }
}

/** With the first line of what it said, which is the cause. */
function didNotStart(home: string, exitCode: number): AppError {
  const [said = ""] = readFileSync(path.join(home, "paasd.out"), "utf8").trim().split("\n");
  return new AppError("DAEMON_DID_NOT_START", { home, how: `ended with ${exitCode}: ${said}` });
}

function whatNext(config: Config, out: Output): void {
  const port = config.httpPort === 80 ? "" : `:${config.httpPort}`;
  out.result(`paas is up: apps answer at http://<app>.${config.domain}${port}`);
  out.detail("In a git repository of yours, type:");
  out.detail("  paas apps:create shop");
  out.detail("  git push paas main");
}

/** Ends the daemon and the router. The containers of apps and services go on, and the next `up` finds them. */
async function down(config: Config, out: Output): Promise<number> {
  const paths = pathsOf(config.home);
  const pid = (await pingDaemon(paths.socket)) === undefined ? undefined : readPid(paths.pidFile);
  if (pid === undefined) out.detail(`No daemon runs in ${config.home}.`);
  else await stopDaemon(pid, out);
  await stopRouter(paths);
  out.result("The daemon and the router are down. Instances go on running and are routed again by: paas up --detach");
  return 0;
}

async function stopDaemon(pid: number, out: Output): Promise<void> {
  out.step(`Stopping the daemon (process ${pid})`);
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + downTimeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) throw new AppError("DAEMON_DID_NOT_STOP", { pid });
    await delay(50);
  }
}
