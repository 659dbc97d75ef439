import { crashesAfterExit, restartDelayMs, startRetryMs } from "./backoff.ts";
import type {
  Desired,
  DesiredGeneration,
  DesiredProcess,
  FailureCause,
  InstanceRef,
  Observed,
  ObservedInstance,
  Plan,
  Step,
} from "./desired.ts";
import { slotKey } from "./desired.ts";

/**
 * Decides what to do next. Pure: the same input gives the same steps, and applying them again and again converges.
 *
 * The old generation is the current one until every instance of the candidate is up and has settled, so nothing of it
 * is unrouted, drained or stopped before.
 */
export function plan(desired: Desired, observed: Observed, now: number): Plan {
  const { current, candidate } = desired;
  const live = observed.instances.filter((instance) => !instance.retiring);
  const slots = slotsOf(current, live);
  const candidateSlots = slotsOf(candidate, live).filter((slot) => !isCarriedOver(slot.process, current));

  const failure = candidate && firstFailure(candidate, candidateSlots, now);
  const waiting = slots.filter((slot) => !isUp(slot)).map(({ process, index }) => ({ type: process.type, index }));
  if (failure) return { steps: [failure], wakeAt: now, waiting };

  const steps: Step[] = [];
  const wakes: number[] = [];
  for (const slot of slots) planCurrent(slot, observed, now, steps, wakes);
  for (const slot of candidateSlots) planCandidate(slot, steps, wakes);

  if (candidate && candidateSlots.every((slot) => isSettled(slot, now))) {
    steps.push({ kind: "promote", generation: candidate });
  } else {
    wakes.push(...candidateSlots.map(settlesAt).filter((at) => at !== undefined));
  }

  const targets = slots.filter(isRoutable(observed.routed)).map((slot) => slot.instance.id);
  const routesDiffer = observed.displaced || !sameMembers(targets, observed.routed);
  if (routesDiffer) steps.push({ kind: "route", targets });

  const wanted = new Set([...slots, ...candidateSlots].map((slot) => slot.instance?.id));
  const leftOver = live.filter((instance) => !wanted.has(instance.id));
  for (const instance of leftOver) steps.push(...letGo(instance, observed.routed));

  return { steps, wakeAt: wakes.length > 0 ? Math.min(...wakes) : undefined, waiting };
}

interface Slot {
  readonly generation: DesiredGeneration;
  readonly process: DesiredProcess;
  readonly index: number;
  readonly instance: ObservedInstance | undefined;
}

interface FilledSlot extends Slot {
  readonly instance: ObservedInstance;
}

function slotsOf(generation: DesiredGeneration | undefined, live: readonly ObservedInstance[]): readonly Slot[] {
  if (generation === undefined) return [];
  return generation.processes.flatMap((process) =>
    Array.from({ length: process.count }, (_, i) => {
      const index = i + 1;
      const holders = live.filter((c) => c.type === process.type && c.cohort === process.cohort && c.index === index);
      return { generation, process, index, instance: best(holders) };
    }),
  );
}

/** Of several containers for one slot (a crash between create and record can leave two) the furthest along counts. */
function best(holders: readonly ObservedInstance[]): ObservedInstance | undefined {
  const rank = (c: ObservedInstance) =>
    c.state === "running" ? (c.health.state === "passed" ? 0 : 1) : c.state === "exited" ? 2 : 3;
  return holders.toSorted(
    (a, b) => rank(a) - rank(b) || (b.startedAt ?? 0) - (a.startedAt ?? 0) || a.id.localeCompare(b.id),
  )[0];
}

/** A type whose instances the candidate takes over is looked after as part of the current generation. */
function isCarriedOver(process: DesiredProcess, current: DesiredGeneration | undefined): boolean {
  return current?.processes.some((other) => other.type === process.type && other.cohort === process.cohort) ?? false;
}

function firstFailure(generation: DesiredGeneration, slots: readonly Slot[], now: number): Step | undefined {
  for (const slot of slots) {
    const cause = slot.instance && failureOf(slot.process, slot.instance, now);
    if (slot.instance && cause) return { kind: "fail", generation, instance: refOf(slot.instance), cause };
  }
  return undefined;
}

function failureOf(process: DesiredProcess, instance: ObservedInstance, now: number): FailureCause | undefined {
  if (instance.state === "exited") {
    return { kind: "exited", code: instance.exit?.code ?? -1, oomKilled: instance.exit?.oomKilled ?? false };
  }
  if (instance.state !== "running" || instance.health.state === "passed") return undefined;
  if (instance.health.state === "failed") return { kind: "dead", problem: instance.health.lastProblem };
  if (now < bootDeadline(process, instance)) return undefined;
  return { kind: "unhealthy", lastProblem: instance.health.lastProblem, timeoutMs: process.checks.bootTimeoutMs };
}

/** Of one that ran before this daemon, counted from when this daemon began to check it. */
function bootDeadline(process: DesiredProcess, instance: ObservedInstance): number {
  const since = instance.health.state === "pending" ? (instance.health.since ?? 0) : 0;
  return Math.max(instance.startedAt ?? Number.POSITIVE_INFINITY, since) + process.checks.bootTimeoutMs;
}

function planCurrent(slot: Slot, observed: Observed, now: number, steps: Step[], wakes: number[]): void {
  const { instance, process } = slot;
  if (instance === undefined) return planMissing(slot, observed, now, steps, wakes);
  const ref = refOf(instance);
  const isStranded = instance.state === "running" && instance.address === undefined;
  const cause: FailureCause | undefined = isStranded ? { kind: "stranded" } : failureOf(process, instance, now);
  if (instance.state === "created") {
    steps.push({ kind: "remove", instance: ref }, start(slot, instance.crashes));
  } else if (instance.state === "exited") {
    const uptimeMs = (instance.finishedAt ?? 0) - (instance.startedAt ?? 0);
    const crashes = crashesAfterExit(instance.crashes, uptimeMs);
    const restartAt = (instance.finishedAt ?? 0) + restartDelayMs(crashes);
    if (now < restartAt) wakes.push(restartAt);
    else steps.push({ kind: "remove", instance: ref }, start(slot, crashes));
  } else if (cause) {
    steps.push({ kind: "kill", instance: ref, cause });
  } else if (instance.health.state !== "passed") {
    wakes.push(bootDeadline(process, instance));
  }
}

function planMissing(slot: Slot, observed: Observed, now: number, steps: Step[], wakes: number[]): void {
  const failed = observed.failedStarts.get(slotKey(slot.process, slot.index));
  const startAt = failed === undefined ? now : failed.at + startRetryMs(failed.times);
  if (now < startAt) wakes.push(startAt);
  else steps.push(start(slot, failed?.crashes ?? 0));
}

function planCandidate(slot: Slot, steps: Step[], wakes: number[]): void {
  const { instance } = slot;
  if (instance === undefined) steps.push(start(slot, 0));
  else if (instance.state === "created") steps.push({ kind: "remove", instance: refOf(instance) }, start(slot, 0));
  else if (instance.health.state !== "passed") wakes.push(bootDeadline(slot.process, instance));
}

function start(slot: Slot, crashes: number): Step {
  return { kind: "start", generation: slot.generation, process: slot.process, index: slot.index, crashes };
}

function isUp(slot: Slot): slot is FilledSlot {
  return slot.instance?.state === "running" && slot.instance.health.state === "passed";
}

function settlesAt(slot: Slot): number | undefined {
  if (!isUp(slot) || slot.instance.health.state !== "passed") return undefined;
  return slot.instance.health.at + slot.process.checks.settleMs;
}

function isSettled(slot: Slot, now: number): boolean {
  const at = settlesAt(slot);
  return at !== undefined && now >= at;
}

/**
 * An instance that is routed already stays so while its health is not known again yet: a daemon that has just started
 * must not take working instances out.
 */
function isRoutable(routed: ReadonlySet<string>): (slot: Slot) => slot is FilledSlot {
  return (slot): slot is FilledSlot =>
    slot.process.port !== undefined && slot.instance?.state === "running" && isAnswering(slot.instance, routed);
}

function isAnswering({ id, health }: ObservedInstance, routed: ReadonlySet<string>): boolean {
  return health.state === "passed" ? health.unready === undefined : routed.has(id);
}

/** Out of rotation first; what has ended is just removed. */
function letGo(instance: ObservedInstance, routed: ReadonlySet<string>): readonly Step[] {
  if (routed.has(instance.id)) return [];
  const ref = refOf(instance);
  if (instance.state !== "running") return [{ kind: "remove", instance: ref }];
  return [{ kind: "retire", instance: ref, wasRouted: instance.port !== undefined }];
}

function refOf(instance: ObservedInstance): InstanceRef {
  return { id: instance.id, type: instance.type, index: instance.index };
}

function sameMembers(ids: readonly string[], set: ReadonlySet<string>): boolean {
  return ids.length === set.size && ids.every((id) => set.has(id));
}
