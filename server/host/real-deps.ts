import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { open, readFile, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { HostDeps, HostSettings } from "./doctor.ts";
import type { EngineDeps, Started } from "./engine.ts";
import { type EngineState, type HostFacts, isDebianLike } from "./engine-plan.ts";
import { execOnHost } from "./exec.ts";
import { hostFiles } from "./host-files.ts";
import { fileLock, type HostLock } from "./lock.ts";
import { portState } from "./port-state.ts";
import type { StackDeps, StackImages } from "./stack.ts";

/** The engine's side, supplied by the engine's adapter. */
export interface HostEngine {
  readonly images: StackImages;
  probe(): Promise<EngineState>;
}

const lockWaitMs = 25 * 60_000;
const gitTimeoutMs = 10_000;

/** This machine's own files and programs, with an engine's images. */
export function realStackDeps(images: StackImages): StackDeps {
  return {
    images,
    host: hostFiles(),
    // /tmp may be a tmpfs mounted nodev; a root file system is made here.
    bootstrap: { exec: execOnHost, isRoot: isRoot(), workDir: "/var/tmp" },
    lock: hostLock(),
    clock: Date.now,
  };
}

export function realHostDeps(engine: HostEngine, settings: HostSettings): HostDeps {
  return {
    engine: realEngineDeps(engine),
    stack: realStackDeps(engine.images),
    settings,
    nodeVersion: process.version,
    gitVersion,
    freeBytes,
    memory,
    portState,
  };
}

function realEngineDeps(engine: HostEngine): EngineDeps {
  return {
    exec: execOnHost,
    isRoot: isRoot(),
    clock: Date.now,
    lock: hostLock(),
    probe: () => engine.probe(),
    facts,
    startDetached,
    daemonRuns,
    removeFile: (file) => rm(file, { force: true }),
    lastLines: async (file, count) => (await readOrEmpty(file)).trimEnd().split("\n").slice(-count),
  };
}

const isRoot = (): boolean => process.getuid?.() === 0;

function hostLock(): HostLock {
  const uid = process.getuid?.() ?? 0;
  const file = path.join(uid === 0 ? "/run" : tmpdir(), `paas-host-${uid}.lock`);
  return fileLock({ file, waitMs: lockWaitMs, pollMs: 500 });
}

async function facts(): Promise<HostFacts> {
  const searched = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin", "/usr/bin"];
  return {
    isRoot: isRoot(),
    isDebianLike: isDebianLike(await readOrEmpty("/etc/os-release")),
    engineInstalled: searched.some((folder) => existsSync(path.join(folder, "dockerd"))),
    systemd: existsSync("/run/systemd/system"),
    dockerHost: process.env["DOCKER_HOST"] || undefined,
  };
}

async function startDetached(argv: readonly string[], logFile: string): Promise<Started> {
  const [program = "", ...args] = argv;
  await using log = await open(logFile, "a", 0o640);
  let ended = false;
  const child = spawn(program, args, { detached: true, stdio: ["ignore", log.fd, log.fd], cwd: "/" });
  child.once("error", () => (ended = true));
  child.once("exit", () => (ended = true));
  child.unref();
  return { hasEnded: () => ended };
}

async function daemonRuns(pidFile: string): Promise<boolean> {
  const pid = Number.parseInt(await readOrEmpty(pidFile), 10);
  return !Number.isNaN(pid) && (await readOrEmpty(`/proc/${pid}/comm`)).trim() === "dockerd";
}

async function gitVersion(): Promise<string | undefined> {
  const signal = AbortSignal.timeout(gitTimeoutMs);
  const { code, stdout } = await execOnHost(["git", "--version"], { timeoutMs: gitTimeoutMs, signal });
  return code === 0 ? stdout.trim() : undefined;
}

/** Of the nearest folder that exists: a home is made only later. */
async function freeBytes(folder: string): Promise<number | undefined> {
  let at = folder;
  while (!existsSync(at) && path.dirname(at) !== at) at = path.dirname(at);
  try {
    const { bavail, bsize } = await statfs(at);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

async function memory(): Promise<{ readonly totalBytes: number; readonly availableBytes: number }> {
  const text = await readOrEmpty("/proc/meminfo");
  const read = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { totalBytes: read("MemTotal"), availableBytes: read("MemAvailable") };
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return "";
  }
}
