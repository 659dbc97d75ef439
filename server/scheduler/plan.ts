import { crashesAfterExit, restartDelayMs, startRetryMs } from "./backoff.ts";
import type {
  Desired,
  DesiredGeneration,
  DesiredProcess,
  FailedStart,
  FailureCause,
  InstanceRef,
  Observed,
  ObservedInstance,
  Plan,
  Step,
} from "./desired.ts";
import { slotKey } from "./desired.ts";
import type { Serving, ServingState } from "./ports.ts";

/**
 * Decides what to do next. Pure: the same input gives the same steps, and applying them again and again converges.
 *
 * The old generation is the current one until every instance of the candidate is up and has settled, so nothing of it
 * is unrouted, drained or stopped before; but for apps whose generations may not overlap, which make room first.
 */
export function plan(desired: Desired, observed: Observed, now: number): Plan {
  const { candidate } = desired;
  const scene = sceneOf(desired, observed);
  const { slots, candidateSlots, live } = scene;

  const failure = candidate && firstFailure(candidate, candidateSlots, now);
  const waiting = [...slots, ...scene.replaced].filter((slot) => !isUp(slot)).map(nameOfSlot);
  if (failure) return { steps: [failure], wakeAt: now, waiting };

  const steps: Step[] = [];
  const wakes: number[] = [];
  for (const slot of slots) planCurrent(slot, scene, observed, now, steps, wakes);
  for (const slot of candidateSlots) planCandidate(slot, scene, steps, wakes);

  if (candidate && candidateSlots.every((slot) => isSettled(slot, now))) {
    steps.push({ kind: "promote", generation: candidate });
  } else {
    wakes.push(...candidateSlots.map(settlesAt).filter((at) => at !== undefined));
  }

  const { targets, serving } = routingOf(scene, desired, observed, now);
  const isNews =
    observed.displaced || !sameMembers(targets, observed.routed) || !sameServing(serving, observed.serving);
  if (isNews) steps.push({ kind: "route", targets, serving });

  const wanted = new Set([...slots, ...candidateSlots].map((slot) => slot.instance?.id));
  const leftOver = live.filter((instance) => !wanted.has(instance.id));
  for (const instance of leftOver) steps.push(...letGo(instance, observed.routed));

  return { steps, wakeAt: wakes.length > 0 ? Math.min(...wakes) : undefined, waiting };
}

/** Where requests of the app may go as things are now, and what is true of types that have no instance for them. */
export function routing(desired: Desired, observed: Observed, now: number): Routed {
  return routingOf(sceneOf(desired, observed), desired, observed, now);
}

interface Routed {
  readonly targets: readonly string[];
  readonly serving: Serving;
}

/** Who holds which place. */
interface Scene {
  readonly live: readonly ObservedInstance[];
  /** Of the current generation. */
  readonly slots: readonly Slot[];
  /** Those of it that make room for the candidate before it starts. */
  readonly replaced: readonly Slot[];
  readonly candidateSlots: readonly Slot[];
  /** Nothing is left of what may not run beside the others. */
  readonly isClear: boolean;
}

function sceneOf({ current, candidate, strategy }: Desired, observed: Observed): Scene {
  const live = observed.instances.filter((instance) => !instance.retiring);
  const isExclusive = strategy === "recreate";
  const isReplaced = ({ process }: Slot) => isExclusive && candidate !== undefined && !isPartOf(process, candidate);
  const [replaced, slots] = partition(slotsOf(current, live), isReplaced);
  const candidateSlots = slotsOf(candidate, live).filter((slot) => !isPartOf(slot.process, current));
  const kept = current?.processes.filter((process) => candidate === undefined || isPartOf(process, candidate)) ?? [];
  const mayRun = [...kept, ...(candidate?.processes ?? [])];
  const isOther = (one: ObservedInstance) => !mayRun.some((p) => p.type === one.type && p.cohort === one.cohort);
  return { live, slots, replaced, candidateSlots, isClear: !isExclusive || !observed.instances.some(isOther) };
}

function partition<T>(all: readonly T[], is: (one: T) => boolean): readonly [T[], T[]] {
  return [all.filter(is), all.filter((one) => !is(one))];
}

function routingOf(scene: Scene, desired: Desired, observed: Observed, now: number): Routed {
  const routable = scene.slots.filter(isRoutable(observed.routed));
  const stateOf = (process: DesiredProcess): ServingState => {
    const own = scene.slots.filter((slot) => slot.process.type === process.type);
    if (routable.some((slot) => slot.process.type === process.type)) return "running";
    if (own.length > 0) return own.some((slot) => isComing(slot, observed, now)) ? "starting" : "crashed";
    return scene.candidateSlots.some((slot) => slot.process.type === process.type) ? "starting" : "stopped";
  };
  // Before the first release only what comes up is known.
  const processes = (desired.current ?? desired.candidate)?.processes.filter((process) => process.port !== undefined);
  const serving = Object.fromEntries((processes ?? []).map((process) => [process.type, stateOf(process)]));
  const isBlank = desired.current === undefined && !Object.values(serving).includes("starting");
  return { targets: routable.map((slot) => slot.instance.id), serving: isBlank ? "blank" : serving };
}

/** It may be up soon: nobody has to know yet that it is not. */
function isComing(slot: Slot, observed: Observed, now: number): boolean {
  const { instance } = slot;
  if (instance === undefined) return now >= missingUntil(slot, observed, now);
  if (instance.state === "exited") return now >= restartOf(instance).at;
  return instance.health.state !== "passed";
}

function nameOfSlot({ process, index }: Slot): Plan["waiting"][number] {
  return { type: process.type, index };
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
function isPartOf(process: DesiredProcess, generation: DesiredGeneration | undefined): boolean {
  return generation?.processes.some((other) => other.type === process.type && other.cohort === process.cohort) ?? false;
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

function planCurrent(slot: Slot, scene: Scene, observed: Observed, now: number, steps: Step[], wakes: number[]): void {
  const { instance, process } = slot;
  const begin = (crashes: number) => (scene.isClear ? [start(slot, crashes)] : []);
  if (instance === undefined) {
    const at = missingUntil(slot, observed, now);
    if (now < at) wakes.push(at);
    else steps.push(...begin(failedStart(slot, observed)?.crashes ?? 0));
    return;
  }
  const ref = refOf(instance);
  const isStranded = instance.state === "running" && instance.address === undefined;
  const cause: FailureCause | undefined = isStranded ? { kind: "stranded" } : failureOf(process, instance, now);
  if (instance.state === "created") {
    steps.push({ kind: "remove", instance: ref }, ...begin(instance.crashes));
  } else if (instance.state === "exited") {
    const restart = restartOf(instance);
    if (now < restart.at) wakes.push(restart.at);
    else steps.push({ kind: "remove", instance: ref }, ...begin(restart.crashes));
  } else if (cause) {
    steps.push({ kind: "kill", instance: ref, cause });
  } else if (instance.health.state !== "passed") {
    wakes.push(bootDeadline(process, instance));
  }
}

function restartOf(instance: ObservedInstance): { readonly at: number; readonly crashes: number } {
  const uptimeMs = (instance.finishedAt ?? 0) - (instance.startedAt ?? 0);
  const crashes = crashesAfterExit(instance.crashes, uptimeMs);
  return { at: (instance.finishedAt ?? 0) + restartDelayMs(crashes), crashes };
}

function missingUntil(slot: Slot, observed: Observed, now: number): number {
  const failed = failedStart(slot, observed);
  return failed === undefined ? now : failed.at + startRetryMs(failed.times);
}

function failedStart({ process, index }: Slot, observed: Observed): FailedStart | undefined {
  return observed.failedStarts.get(slotKey(process, index));
}

function planCandidate(slot: Slot, { isClear }: Scene, steps: Step[], wakes: number[]): void {
  const { instance } = slot;
  const begin = isClear ? [start(slot, 0)] : [];
  if (instance === undefined) steps.push(...begin);
  else if (instance.state === "created") steps.push({ kind: "remove", instance: refOf(instance) }, ...begin);
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

function sameServing(a: Serving, b: Serving): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
