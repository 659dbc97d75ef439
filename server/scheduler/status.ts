import type { InstanceState, InstanceStatus } from "../core/types.ts";
import { crashesAfterExit, restartDelayMs, startRetryMs } from "./backoff.ts";
import { describeExit } from "./cause.ts";
import { slotKey, type Desired, type FailedStart, type Observed, type ObservedInstance } from "./desired.ts";

/** What `ps` shows, in the order of types and indexes. */
export function statusesOf(desired: Desired | undefined, observed: Observed): readonly InstanceStatus[] {
  const order = desired?.current?.processes.map((process) => process.type) ?? [];
  const rank = (type: string) => {
    const at = order.findIndex((known) => known === type);
    return at === -1 ? order.length : at;
  };
  return [
    ...observed.instances.map((instance) => toStatus(desired, instance)),
    ...notStarted(desired, observed),
  ].toSorted((a, b) => rank(a.type) - rank(b.type) || a.index - b.index || b.version - a.version);
}

function toStatus(desired: Desired | undefined, instance: ObservedInstance): InstanceStatus {
  const processes = [desired?.current, desired?.candidate].flatMap((generation) => generation?.processes ?? []);
  const process = processes.find((p) => p.type === instance.type && p.cohort === instance.cohort);
  const state = stateOf(instance, process !== undefined);
  const crashed = state === "crashed";
  const uptimeMs = (instance.finishedAt ?? 0) - (instance.startedAt ?? 0);
  const crashes = crashed ? crashesAfterExit(instance.crashes, uptimeMs) : instance.crashes;
  return {
    name: `${instance.type}.${instance.index}`,
    type: instance.type,
    index: instance.index,
    version: instance.version,
    state,
    since: instance.finishedAt ?? instance.startedAt ?? instance.createdAt,
    crashes,
    reason: crashed && instance.exit ? describeExit(instance.exit, process?.memoryMb ?? 0) : unreadyReason(instance),
    nextStartAt: crashed ? (instance.finishedAt ?? 0) + restartDelayMs(crashes) : undefined,
    container: instance.id,
  };
}

function unreadyReason({ health }: ObservedInstance): string | undefined {
  const problem = health.state === "passed" ? health.unready : undefined;
  return problem === undefined ? undefined : `not ready, gets no requests: ${problem}`;
}

/** Slots that the engine has not given an instance. */
function notStarted(desired: Desired | undefined, observed: Observed): readonly InstanceStatus[] {
  const wanted = (desired?.current?.processes ?? []).flatMap((process) =>
    Array.from({ length: process.count }, (_, i) => observed.failedStarts.get(slotKey(process, i + 1))),
  );
  return wanted.filter((failed) => failed !== undefined).map(failedStatus);
}

function failedStatus(failed: FailedStart): InstanceStatus {
  const { type, index, version, at, times, crashes, reason } = failed;
  const nextStartAt = at + startRetryMs(times);
  const name = `${type}.${index}`;
  return { name, type, index, version, state: "crashed", since: at, crashes, reason, nextStartAt, container: "" };
}

function stateOf(instance: ObservedInstance, isWanted: boolean): InstanceState {
  if (instance.state === "exited") return isWanted && !instance.retiring ? "crashed" : "stopping";
  if (instance.retiring || !isWanted) return "stopping";
  return instance.state === "running" && instance.health.state === "passed" ? "up" : "starting";
}
