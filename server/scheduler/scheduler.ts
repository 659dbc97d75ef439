import { AppError } from "../core/errors.ts";
import type { AppId, ProcessType } from "../core/ids.ts";
import type { InstanceStatus } from "../core/types.ts";
import { AppLoop, type LoopEvents } from "./app-loop.ts";
import { routedInstance } from "./executors.ts";
import { routing } from "./plan.ts";
import type { Failure, RoutedInstance, SchedulerDeps, Serving } from "./ports.ts";
import { Prober } from "./prober.ts";
import { statusesOf } from "./status.ts";

export type RolloutOutcome = { readonly ok: true } | { readonly ok: false; readonly failure: Failure };

interface Rollout {
  readonly done: PromiseWithResolvers<RolloutOutcome>;
  readonly progress: (text: string) => void;
}

export interface ConvergeOptions {
  /** Only these types are waited for; all when undefined. */
  readonly types?: readonly ProcessType[];
  /** Also wait until what goes away is gone. */
  readonly untilGone?: boolean;
}

interface Waiter extends ConvergeOptions {
  readonly appId: AppId;
  /** The last pass that cannot know yet what is waited for. */
  readonly after: number;
  readonly done: PromiseWithResolvers<RolloutOutcome>;
}

/** All app loops, and the ways to wait for what they do. */
export class Scheduler implements AsyncDisposable {
  readonly #deps: SchedulerDeps;
  readonly #loops = new Map<AppId, AppLoop>();
  readonly #rollouts = new Map<string, Rollout>();
  readonly #waiters = new Set<Waiter>();
  readonly #prober: Prober;
  #isOpen = false;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#prober = new Prober({
      probe: deps.probe,
      exec: (id, argv, timeoutMs) => deps.engine.exec(id, argv, timeoutMs),
      now: deps.now,
      onChange: (appId) => this.trigger(appId),
      onWarning: (appId, instance, text) => deps.say(appId, instance, text),
    });
  }

  /**
   * Observes all apps and gives running instances a moment to pass their checks, so that the first routing table that
   * is published misses none of them.
   */
  async prime(appIds: readonly AppId[], settleMs: number): Promise<void> {
    await Promise.all(
      appIds.map(async (appId) => {
        const observed = await this.#loop(appId).observe();
        await Promise.all(observed.instances.map((instance) => this.#prober.settle(instance.id, settleMs)));
      }),
    );
  }

  /**
   * Instances of the current generation that may take requests as they are now. One that the router sends requests to
   * already stays, also when it has not passed its check again yet.
   */
  async routable(
    appId: AppId,
    routedBefore: ReadonlySet<string>,
  ): Promise<{ readonly targets: readonly RoutedInstance[]; readonly serving: Serving }> {
    const loop = this.#loop(appId);
    const observed = await loop.observe();
    const desired = loop.view?.desired;
    if (desired === undefined) return { targets: [], serving: "blank" };
    const routed = new Set(observed.instances.map((instance) => instance.id).filter((id) => routedBefore.has(id)));
    const { targets: ids, serving } = routing(desired, { ...observed, routed }, this.#deps.now());
    const targets = ids.map((id) => routedInstance(observed, id)).filter((found) => found !== undefined);
    return { targets, serving };
  }

  /** From now on loops work. Before, nobody knows what is routed, and a pass could let go what serves. */
  open(appIds: readonly AppId[]): void {
    this.#isOpen = true;
    for (const appId of new Set([...appIds, ...this.#loops.keys()])) this.trigger(appId);
  }

  trigger(appId: AppId): void {
    const loop = this.#loop(appId);
    if (this.#isOpen) loop.trigger();
  }

  triggerAll(): void {
    for (const appId of this.#loops.keys()) this.trigger(appId);
  }

  /** Resolves when the generation is current and routed, or has failed. Call before the generation is stored. */
  rollout(generationId: string, progress: (text: string) => void): Promise<RolloutOutcome> {
    const done = Promise.withResolvers<RolloutOutcome>();
    this.#rollouts.set(generationId, { done, progress });
    return done.promise;
  }

  /** Ends the waiting for a generation that was given up by others. */
  abandon(appId: AppId, generationId: string, failure: Failure): void {
    this.#events.failed(generationId, failure);
    this.trigger(appId);
  }

  /** Resolves when the app is as desired, or as soon as one of its instances crashes. @throws when the signal aborts */
  async converge(appId: AppId, signal: AbortSignal, options: ConvergeOptions = {}): Promise<RolloutOutcome> {
    const after = this.#loop(appId).passes;
    const waiter: Waiter = { ...options, appId, after, done: Promise.withResolvers<RolloutOutcome>() };
    const onAbort = () => waiter.done.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiters.add(waiter);
    this.trigger(appId);
    try {
      return await waiter.done.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#waiters.delete(waiter);
    }
  }

  /** What `ps` shows, observed now. @throws AppError ENGINE_UNAVAILABLE */
  async statuses(appId: AppId): Promise<readonly InstanceStatus[]> {
    const loop = this.#loop(appId);
    const observed = await loop.observe();
    return statusesOf(loop.view?.desired, observed);
  }

  /** Waits until no container of the app is left, then forgets it. */
  async forget(appId: AppId, signal: AbortSignal): Promise<void> {
    const outcome = await this.converge(appId, signal, { untilGone: true });
    if (!outcome.ok)
      throw new AppError("DEPLOY_FAILED", { reason: outcome.failure.reason, hint: outcome.failure.hint });
    const loop = this.#loops.get(appId);
    this.#loops.delete(appId);
    await loop?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#prober[Symbol.dispose]();
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()));
  }

  #loop(appId: AppId): AppLoop {
    const known = this.#loops.get(appId);
    if (known) return known;
    const loop = new AppLoop(appId, this.#deps, this.#prober, this.#events);
    this.#loops.set(appId, loop);
    return loop;
  }

  readonly #events: LoopEvents = {
    progress: (id, text) => this.#rollouts.get(id)?.progress(text),
    // The waiter is told in `passed`, when the routes have been switched too.
    promoted: () => undefined,
    failed: (id, failure) => {
      this.#rollouts.get(id)?.done.resolve({ ok: false, failure });
      this.#rollouts.delete(id);
    },
    crashed: (appId, type, failure) => {
      for (const waiter of this.#waiters) {
        if (waiter.appId === appId && (waiter.types?.includes(type) ?? true))
          waiter.done.resolve({ ok: false, failure });
      }
    },
    passed: (appId, plan, pass) => {
      const view = this.#loops.get(appId)?.view;
      const current = view?.desired?.current;
      const isRouted = !plan.steps.some((step) => step.kind === "route" || step.kind === "promote");
      if (current && isRouted) {
        this.#rollouts.get(current.id)?.done.resolve({ ok: true });
        this.#rollouts.delete(current.id);
      }
      if (plan.steps.length > 0) return;
      const isLeaving = view?.observed.instances.some((instance) => instance.retiring) ?? false;
      for (const waiter of this.#waiters) {
        if (waiter.appId !== appId || pass <= waiter.after || (waiter.untilGone && isLeaving)) continue;
        const isUp = plan.waiting.every((slot) => waiter.types !== undefined && !waiter.types.includes(slot.type));
        if (isUp) waiter.done.resolve({ ok: true });
      }
    },
  };
}
