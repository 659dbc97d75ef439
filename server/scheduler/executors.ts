import { setTimeout as delay } from "node:timers/promises";
import { isAppError, messageOf } from "../core/errors.ts";
import type { ConfigVars } from "../core/types.ts";
import type { LoopEvents } from "./app-loop.ts";
import { describeCause, hintFor } from "./cause.ts";
import {
  slotKey,
  type Desired,
  type DesiredProcess,
  type FailedStart,
  type FailureCause,
  type InstanceRef,
  type Observed,
  type Step,
} from "./desired.ts";
import type { Failure, RoutedInstance, SchedulerDeps } from "./ports.ts";

/** A step without an executor does not compile. */
export type Executors = { readonly [K in Step["kind"]]: (step: Extract<Step, { kind: K }>) => Promise<void> };

export interface ExecutorContext {
  readonly deps: SchedulerDeps;
  readonly desired: Desired;
  readonly observed: Observed;
  readonly events: LoopEvents;
  /** Containers that are being drained, stopped and removed in the background. */
  readonly retiring: Map<string, Promise<void>>;
  /** By slot. */
  readonly failedStarts: Map<string, FailedStart>;
  readonly retired: () => void;
  readonly signal: AbortSignal;
}

const lastLines = 50;
const awaitedDrainMs = 5_000;
const firstRetryMs = 1000;
const longestRetryMs = 30_000;

export function runStep(executors: Executors, step: Step): Promise<void> {
  const execute = executors[step.kind] as (step: Step) => Promise<void>;
  return execute(step);
}

export function createExecutors(context: ExecutorContext): Executors {
  const { deps, desired, observed, events, signal } = context;
  return {
    start: (step) => start(context, step),

    async remove({ instance }) {
      letGo(context, instance, () => remove(context, instance));
    },

    async kill({ instance, cause }) {
      const failure = await explain(context, instance, cause);
      deps.say(
        desired.appId,
        nameOf(instance),
        cause.kind === "unhealthy" ? `Error R10 (Boot timeout) -> ${failure.reason}` : `Replaced: ${failure.reason}`,
      );
      events.crashed(desired.appId, instance.type, failure);
      await deps.engine.kill(instance.id, signal);
    },

    async route({ targets, serving }) {
      const instances = targets.map((id) => routedInstance(observed, id)).filter((found) => found !== undefined);
      await deps.routing.publish(desired.appId, instances, serving, signal);
      deps.fault("after-route");
    },

    async retire({ instance, wasRouted }) {
      let isSaid = false;
      letGo(context, instance, async () => {
        if (wasRouted && !isSaid) await deps.routing.drain(instance.id, drainMsOf(context), signal);
        if (!isSaid) deps.say(desired.appId, nameOf(instance), "Stopping process with SIGTERM");
        isSaid = true;
        await deps.engine.stop(instance.id, deps.graceMs, signal);
        await remove(context, instance);
      });
    },

    async promote({ generation }) {
      deps.fault("before-promote");
      if (!deps.promote(generation.id)) return;
      deps.fault("after-promote");
      deps.log.info("release is current", {
        app: desired.appName,
        version: generation.version,
        generation: generation.id,
      });
      deps.say(desired.appId, "scheduler", `Release v${generation.version} is up`);
      events.promoted(generation.id);
    },

    async fail({ generation, instance, cause }) {
      const failure = await explain(context, instance, cause);
      deps.fail(generation.id, failure.reason);
      deps.log.warn("release did not come up", {
        app: desired.appName,
        version: generation.version,
        reason: failure.reason,
      });
      deps.say(desired.appId, nameOf(instance), `Release v${generation.version} did not come up: ${failure.reason}`);
      events.failed(generation.id, failure);
    },
  };
}

/** Where all others wait for its place, what is under way may end after SIGTERM, as the app itself sees fit. */
function drainMsOf({ deps, desired }: ExecutorContext): number {
  const isAwaited = desired.strategy === "recreate" && desired.candidate !== undefined;
  return isAwaited ? Math.min(deps.drainMs, awaitedDrainMs) : deps.drainMs;
}

async function start(context: ExecutorContext, step: Extract<Step, { kind: "start" }>): Promise<void> {
  const { deps, desired, events, signal } = context;
  const { generation, process, index, crashes } = step;
  const name = `${process.type}.${index}`;
  const shown = process.command?.at(-1) ?? "the image's own command";
  deps.say(desired.appId, name, `Starting process with command \`${shown}\``);
  try {
    const id = await deps.engine.start(
      {
        appId: desired.appId,
        appName: desired.appName,
        space: desired.space,
        cohort: process.cohort,
        version: generation.version,
        type: process.type,
        index,
        crashes,
        imageId: generation.imageId,
        command: process.command,
        env: { ...process.env, ...instanceEnv(process, index) },
        port: process.port,
        memoryMb: process.memoryMb,
        cpus: process.cpus,
      },
      signal,
    );
    context.failedStarts.delete(slotKey(process, index));
    deps.started({ id, appId: desired.appId, type: process.type, index });
    deps.fault("instance-started");
    events.progress(generation.id, `${name} started`);
  } catch (err) {
    if (signal.aborted || isAppError(err, "ENGINE_UNAVAILABLE")) throw err;
    const reason = `${name} could not be started: ${messageOf(err)}`;
    const hint = isAppError(err) ? err.hint : "Check the command in the Procfile or the image's CMD.";
    if (generation.id === desired.candidate?.id) {
      deps.fail(generation.id, reason);
      return events.failed(generation.id, { reason, hint, lines: [] });
    }
    noteFailedStart(context, step, messageOf(err));
    deps.say(desired.appId, name, `Could not be started: ${messageOf(err)}`);
    deps.log.warn("instance could not be started", { app: desired.appName, instance: name, err });
    events.crashed(desired.appId, process.type, { reason, hint, lines: [] });
  }
}

/** The slot waits before the next try, and the rest of the app goes on without it. */
function noteFailedStart(context: ExecutorContext, step: Extract<Step, { kind: "start" }>, reason: string): void {
  const { process, index, crashes, generation } = step;
  const key = slotKey(process, index);
  const times = (context.failedStarts.get(key)?.times ?? 0) + 1;
  const { version } = generation;
  const at = context.deps.now();
  context.failedStarts.set(key, { type: process.type, index, version, at, times, crashes, reason });
}

function instanceEnv(process: DesiredProcess, index: number): ConfigVars {
  return {
    DYNO: `${process.type}.${index}`,
    CF_INSTANCE_INDEX: String(index - 1),
    CF_INSTANCE_GUID: crypto.randomUUID(),
    MEMORY_LIMIT: `${process.memoryMb}m`,
    ...(process.port === undefined ? {} : { PORT: String(process.port) }),
  };
}

/** Goes on in the background until it is done: what the engine refuses is tried again, at growing intervals. */
function letGo(context: ExecutorContext, instance: InstanceRef, work: () => Promise<void>): void {
  const { signal, retiring } = context;
  const done = untilDone(context, instance, work).finally(() => {
    retiring.delete(instance.id);
    if (!signal.aborted) context.retired();
  });
  retiring.set(instance.id, done);
}

async function untilDone(context: ExecutorContext, instance: InstanceRef, work: () => Promise<void>): Promise<void> {
  const { deps, signal } = context;
  for (let inMs = firstRetryMs; !signal.aborted; inMs = Math.min(inMs * 2, longestRetryMs)) {
    try {
      return await work();
    } catch (err) {
      if (signal.aborted) return;
      deps.log.warn("instance could not be removed, will try again", { container: instance.id, inMs, err });
    }
    await delay(inMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

async function remove({ deps, signal }: ExecutorContext, instance: InstanceRef): Promise<void> {
  await deps.beforeRemove(instance.id);
  await deps.engine.remove(instance.id, signal);
}

/** Puts the cause into words while the container still can be asked. */
async function explain(context: ExecutorContext, instance: InstanceRef, cause: FailureCause): Promise<Failure> {
  const { deps, desired, signal } = context;
  const processes = [desired.candidate, desired.current].flatMap((generation) => generation?.processes ?? []);
  const process = processes.find((p) => p.type === instance.type);
  const listening = cause.kind === "unhealthy" ? await deps.engine.listening(instance.id, signal) : [];
  const lines = await deps.engine.tail(instance.id, lastLines, signal);
  const facts = { memoryMb: process?.memoryMb ?? 0, port: process?.port, listening };
  return {
    reason: `${nameOf(instance)} ${describeCause(cause, facts)}`,
    hint: hintFor(cause, instance.type, facts),
    lines,
  };
}

export function routedInstance(observed: Observed, id: string): RoutedInstance | undefined {
  const found = observed.instances.find((instance) => instance.id === id);
  if (found?.address === undefined || found.port === undefined) return undefined;
  return { id, name: nameOf(found), type: found.type, address: found.address, port: found.port };
}

export function nameOf(instance: { readonly type: string; readonly index: number }): string {
  return `${instance.type}.${instance.index}`;
}
