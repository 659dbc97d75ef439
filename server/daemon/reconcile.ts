import { setTimeout as delay } from "node:timers/promises";
import { isAppError } from "../core/errors.ts";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { cleanUpAfterCrash } from "../builds/clean-up.ts";
import { followEvents } from "../docker/events.ts";
import { removeStrays, type RecoverDeps } from "../releases/recover.ts";
import type { RoutePublisher } from "../routes/publisher.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { Services } from "../services/services.ts";
import type { Tasks } from "../tasks/tasks.ts";
import type { Runtime } from "./runtime.ts";
import { startServiceWatch } from "./service-watch.ts";
import type { State } from "./state.ts";

export interface ReconcileInput {
  readonly state: State;
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  readonly publisher: RoutePublisher;
  readonly services: Services;
  readonly tasks: Tasks;
  readonly recover: RecoverDeps;
  /** Container ids that the router sends requests to, from before this daemon. */
  readonly routedBefore: () => ReadonlySet<string>;
  /** Goes on with the removal of apps that a crash interrupted. */
  readonly finishDestroying: (signal: AbortSignal) => Promise<void>;
  readonly engineProblem: (problem: string | undefined) => void;
  readonly log: Log;
}

const settleMs = 3000;
const retryMs = 2000;

/**
 * Takes over what runs: observes all apps, pushes the first table only when it knows all of them, then lets every
 * loop work. Until the engine answers, the router goes on with the table that it has.
 * Resolves when the first table is out, or when the engine turns out not to answer.
 */
export async function startReconciling(
  input: ReconcileInput,
  signal: AbortSignal,
): Promise<{ readonly done: Promise<void> }> {
  const first = Promise.withResolvers<void>();
  const done = run(input, first.resolve, signal);
  await Promise.race([first.promise, done]);
  return { done };
}

async function run(input: ReconcileInput, onSettled: () => void, signal: AbortSignal): Promise<void> {
  const { runtime, log } = input;
  while (!signal.aborted) {
    try {
      await takeOver(input, signal);
      input.engineProblem(undefined);
      break;
    } catch (err) {
      if (signal.aborted) return;
      input.engineProblem(err instanceof Error ? err.message : String(err));
      log.warn("the engine cannot be used yet, will try again", { inMs: retryMs, err });
      onSettled();
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
  onSettled();
  runtime.logs.collector.start();
  await using services = startServiceWatch({ reconcile: (stop) => input.services.reconcile(stop), log });
  const listeners = {
    onInstance: (appId: AppId) => input.scheduler.trigger(appId),
    onService: () => services.trigger(),
    // What happened while nobody listened was not seen: everything is looked at anew.
    onConnect() {
      input.scheduler.triggerAll();
      services.trigger();
    },
  };
  const events = followEvents(runtime.docker, input.state.installId, listeners, log.with({ part: "events" }), signal);
  await Promise.all([
    events,
    input.finishDestroying(signal).catch((err: unknown) => log.error("removal failed", { err })),
  ]);
}

async function takeOver(input: ReconcileInput, signal: AbortSignal): Promise<void> {
  const { state, runtime, scheduler, publisher } = input;
  await tidy(input, "containers and images", () => removeStrays(input.recover, runtime.own, signal));
  await tidy(input, "builds", () => cleanUpAfterCrash(runtime.imageEngine, runtime.builder.running));
  await tidy(input, "tasks", () => input.tasks.recover(signal));
  await tidy(input, "logs", () => runtime.logs.retain(new Set(state.apps.list().map((app) => app.id))));
  const apps = state.apps.list();
  await scheduler.prime(
    apps.map((app) => app.id),
    settleMs,
  );
  const routedBefore = input.routedBefore();
  for (const app of apps) {
    if (state.apps.isGoing(app.id)) continue;
    const { targets, serving } = await scheduler.routable(app.id, routedBefore);
    publisher.seed(app.id, targets, serving);
  }
  await publisher.release(signal);
  scheduler.open(apps.map((app) => app.id));
}

/** What a crash left and cannot be removed must not keep the apps from being looked after. */
async function tidy(input: ReconcileInput, what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (err) {
    if (isAppError(err, "ENGINE_UNAVAILABLE")) throw err;
    input.log.error("what a crash left could not be removed", { what, err });
  }
}
