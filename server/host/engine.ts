import { AppError } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import { type Clock, formatDuration, waitFor } from "../core/time.ts";
import { type AptDeps, ensurePackages } from "./apt.ts";
import {
  type EngineState,
  type EngineUp,
  enginePackages,
  type HostFacts,
  planEngine,
  type StartWay,
} from "./engine-plan.ts";
import type { HostLock } from "./lock.ts";
import type { Exec } from "./ports.ts";

/** A program that was started to stay. */
export interface Started {
  hasEnded(): boolean;
}

export interface EngineDeps extends AptDeps {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly lock: HostLock;
  /** Looks at the engine's address once, with a deadline of its own. */
  probe(): Promise<EngineState>;
  facts(): Promise<HostFacts>;
  /** Starts a program that outlives this one; its output is added to the file. */
  startDetached(argv: readonly string[], logFile: string): Promise<Started>;
  /** Whether the process that the pid file names is a dockerd. */
  daemonRuns(pidFile: string): Promise<boolean>;
  removeFile(file: string): Promise<void>;
  lastLines(file: string, count: number): Promise<readonly string[]>;
}

export const engineLog = "/var/log/paas-dockerd.log";
const enginePidFile = "/run/docker.pid";
const systemctlTimeoutMs = 90_000;
const answerTimeoutMs = 60_000;

/**
 * Answers an engine that can be used; installs and starts one where this user may.
 * @throws ENGINE_MISSING with what a person must do, ENGINE_START_FAILED, PACKAGES_FAILED
 */
export async function ensureEngine(deps: EngineDeps, out: Output, signal: AbortSignal): Promise<EngineUp> {
  const first = planEngine(await deps.probe(), await deps.facts());
  if (first.kind === "use") return first.engine;
  if (first.kind === "manual") throw new AppError("ENGINE_MISSING", first);
  await using _lock = await deps.lock.acquire(out, signal);
  // Whoever held the lock before may have done it all.
  const plan = planEngine(await deps.probe(), await deps.facts());
  if (plan.kind === "use") return plan.engine;
  if (plan.kind === "manual") throw new AppError("ENGINE_MISSING", plan);
  const startedAt = deps.clock();
  if (plan.kind === "install") {
    out.step("Installing the container engine (docker.io)");
    await ensurePackages(deps, enginePackages, out, signal);
  } else {
    out.step("Starting the container engine");
  }
  const engine = await start(deps, plan.start, out, signal);
  out.detail(`Docker Engine ${engine.version} answers (${formatDuration(deps.clock() - startedAt)})`);
  return engine;
}

function start(deps: EngineDeps, way: StartWay, out: Output, signal: AbortSignal): Promise<EngineUp> {
  return way === "systemd" ? startBySystemd(deps, out, signal) : startDirectly(deps, out, signal);
}

async function startBySystemd(deps: EngineDeps, out: Output, signal: AbortSignal): Promise<EngineUp> {
  const argv = ["systemctl", "enable", "--now", "docker"];
  const result = await deps.exec(argv, { timeoutMs: systemctlTimeoutMs, signal });
  const engine = result.code === 0 ? await answer(deps, signal, async () => false) : undefined;
  if (engine !== undefined) return engine;
  const log = await deps.exec(["journalctl", "-u", "docker", "-n", "15", "--no-pager", "-o", "cat"], {
    timeoutMs: systemctlTimeoutMs,
    signal,
  });
  for (const line of log.stdout.trimEnd().split("\n")) out.detail(line);
  const cause = result.code === 0 ? "no answer in time" : `systemctl ended with ${result.code}`;
  throw new AppError("ENGINE_START_FAILED", { cause, log: "journalctl -u docker" });
}

async function startDirectly(deps: EngineDeps, out: Output, signal: AbortSignal): Promise<EngineUp> {
  const daemon = await startUnlessRunning(deps);
  // The package may start one by its init script at the same moment: the one that comes second ends.
  const allEnded = async () => (daemon?.hasEnded() ?? true) && !(await deps.daemonRuns(enginePidFile));
  const engine = await answer(deps, signal, allEnded);
  if (engine !== undefined) return engine;
  for (const line of await deps.lastLines(engineLog, 15)) out.detail(line);
  const cause = (await allEnded()) ? "dockerd ended at once" : "no answer in time";
  throw new AppError("ENGINE_START_FAILED", { cause, log: engineLog });
}

async function startUnlessRunning(deps: EngineDeps): Promise<Started | undefined> {
  if (await deps.daemonRuns(enginePidFile)) return undefined;
  // Where /run survives a reboot, the pid of the last one may be another program's now, and dockerd would refuse.
  await deps.removeFile(enginePidFile);
  return deps.startDetached(["dockerd"], engineLog);
}

/** Undefined when `hasEnded`, or when the deadline has passed. */
async function answer(
  deps: EngineDeps,
  signal: AbortSignal,
  hasEnded: () => Promise<boolean>,
): Promise<EngineUp | undefined> {
  const deadline = AbortSignal.timeout(answerTimeoutMs);
  try {
    const found = await waitFor(
      async () => {
        const state = await deps.probe();
        if (state.kind === "up") return state;
        return (await hasEnded()) ? "ended" : undefined;
      },
      { every: 200, signal: AbortSignal.any([signal, deadline]) },
    );
    return found === "ended" ? undefined : found;
  } catch (err) {
    signal.throwIfAborted();
    if (deadline.aborted) return undefined;
    throw err;
  }
}
