import { isAppError, messageOf } from "../core/errors.ts";
import type { ConfigVars } from "../core/types.ts";
import type { LoopEvents } from "./app-loop.ts";
import { describeCause, hintFor } from "./cause.ts";
import type { Desired, DesiredProcess, FailureCause, InstanceRef, Observed, Step } from "./desired.ts";
import type { Failure, RoutedInstance, SchedulerDeps, ServingState } from "./ports.ts";

/** A step without an executor does not compile. */
export type Executors = { readonly [K in Step["kind"]]: (step: Extract<Step, { kind: K }>) => Promise<void> };

export interface ExecutorContext {
  readonly deps: SchedulerDeps;
  readonly desired: Desired;
  readonly observed: Observed;
  readonly events: LoopEvents;
  /** Containers that are being drained and stopped in the background. */
  readonly retiring: Map<string, Promise<void>>;
  readonly retired: () => void;
  readonly signal: AbortSignal;
}

const lastLines = 50;

export function runStep(executors: Executors, step: Step): Promise<void> {
  const execute = executors[step.kind] as (step: Step) => Promise<void>;
  return execute(step);
}

export function createExecutors(context: ExecutorContext): Executors {
  const { deps, desired, observed, events, signal } = context;
  return {
    start: (step) => start(context, step),

    async remove({ instance }) {
      await deps.beforeRemove(instance.id);
      await deps.engine.remove(instance.id, signal);
    },

    async kill({ instance, cause }) {
      const failure = await explain(context, instance, cause);
      deps.say(desired.appId, nameOf(instance), `Error R10 (Boot timeout) -> ${failure.reason}`);
      events.crashed(desired.appId, instance.type, failure);
      await deps.engine.kill(instance.id, signal);
    },

    async route({ targets }) {
      const instances = targets.map((id) => routedInstance(observed, id)).filter((found) => found !== undefined);
      await deps.routing.publish(desired.appId, instances, servingState(desired, instances.length), signal);
      deps.fault("after-route");
    },

    async retire({ instance, wasRouted }) {
      const done = retire(context, instance, wasRouted)
        .catch((err: unknown) => {
          if (!signal.aborted) deps.log.warn("instance could not be stopped", { container: instance.id, err });
        })
        .finally(() => {
          context.retiring.delete(instance.id);
          if (!signal.aborted) context.retired();
        });
      context.retiring.set(instance.id, done);
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
    deps.started({ id, appId: desired.appId, type: process.type, index });
    deps.fault("instance-started");
    events.progress(generation.id, `${name} started`);
  } catch (err) {
    if (signal.aborted || isAppError(err, "ENGINE_UNAVAILABLE")) throw err;
    if (generation.id !== desired.candidate?.id) throw err;
    const reason = `${name} could not be started: ${messageOf(err)}`;
    deps.fail(generation.id, reason);
    events.failed(generation.id, { reason, hint: "Check the command in the Procfile or the image's CMD.", lines: [] });
  }
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

async function retire(context: ExecutorContext, instance: InstanceRef, wasRouted: boolean): Promise<void> {
  const { deps, desired, signal } = context;
  if (wasRouted) await deps.routing.drain(instance.id, deps.drainMs, signal);
  deps.say(desired.appId, nameOf(instance), "Stopping process with SIGTERM");
  await deps.engine.stop(instance.id, deps.graceMs, signal);
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

/** Tells the router which answer is true when it has no instance to ask. */
export function servingState(desired: Desired, routable: number): ServingState {
  if (desired.current === undefined) return "blank";
  if (routable > 0) return "running";
  return desired.current.processes.some((p) => p.port !== undefined && p.count > 0) ? "crashed" : "stopped";
}

export function nameOf(instance: { readonly type: string; readonly index: number }): string {
  return `${instance.type}.${instance.index}`;
}
