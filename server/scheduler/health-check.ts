import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../core/time.ts";
import type { HealthCheck } from "../core/types.ts";
import type { ProbeTarget } from "./probe.ts";

/** Where an instance is asked. */
export interface CheckedInstance {
  readonly containerId: string;
  readonly address: string;
  /** Its own, for checks that name none. */
  readonly port: number | undefined;
  readonly host: string;
  /** ms since the epoch */
  readonly startedAt: number;
}

export interface Probes {
  readonly probe: (target: ProbeTarget) => Promise<string | undefined>;
  /** Runs argv in the container; answers its exit code and the last line that it printed. */
  readonly exec: (
    containerId: string,
    argv: readonly string[],
    timeoutMs: number,
  ) => Promise<{ readonly code: number; readonly lastLine: string }>;
  readonly now: Clock;
}

/** Looks once. Undefined when the check passes, else what went wrong in a few words. */
export async function askOnce(
  probes: Probes,
  check: HealthCheck,
  instance: CheckedInstance,
): Promise<string | undefined> {
  const { probe, timeoutMs } = check;
  if (probe.kind === "command") return await runOnce(probes, probe.argv, timeoutMs, instance);
  const port = probe.port ?? instance.port;
  if (port === undefined) return `"${check.name}" names no port, and the process has none`;
  const { address, host } = instance;
  const base = { address, port, host, timeoutMs };
  if (probe.kind === "listening") return await probes.probe({ ...base, path: undefined });
  return await probes.probe({
    ...base,
    path: probe.path,
    content: probe.content,
    headers: probe.headers,
    isStrict: true,
  });
}

async function runOnce(
  probes: Probes,
  argv: readonly string[],
  timeoutMs: number,
  instance: CheckedInstance,
): Promise<string | undefined> {
  const shown = argv.join(" ");
  try {
    const { code, lastLine } = await probes.exec(instance.containerId, argv, timeoutMs);
    return code === 0 ? undefined : `${shown} exited with code ${code}${lastLine === "" ? "" : `: ${lastLine}`}`;
  } catch {
    return `${shown} did not end within ${timeoutMs / 1000} s`;
  }
}

/**
 * Asks again and again, as the check says, until the signal. `onChange` gets what is wrong once enough tries in a row have
 * failed, and undefined once one has passed after that.
 */
export async function watchCheck(
  probes: Probes,
  check: HealthCheck,
  instance: CheckedInstance,
  onChange: (problem: string | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  const initial = instance.startedAt + check.initialDelayMs - probes.now();
  await pause(Math.max(initial, minWaitMs), signal);
  while (!signal.aborted) {
    const problem = await askOnce(probes, check, instance);
    if (signal.aborted) return;
    if (problem === undefined && failures >= check.attempts) onChange(undefined);
    failures = problem === undefined ? 0 : failures + 1;
    if (failures === check.attempts) onChange(problem);
    await pause(Math.max(check.waitMs, minWaitMs), signal);
  }
}

/** An app is not kept busy by its own checks. */
const minWaitMs = 250;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
