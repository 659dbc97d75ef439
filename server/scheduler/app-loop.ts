import { isAppError, messageOf } from "../core/errors.ts";
import type { AppId, ProcessType } from "../core/ids.ts";
import type { Desired, Observed, ObservedInstance, Plan } from "./desired.ts";
import { describeExit } from "./cause.ts";
import { createExecutors, runStep } from "./executors.ts";
import { plan } from "./plan.ts";
import type { Failure, SchedulerDeps } from "./ports.ts";
import type { Prober } from "./prober.ts";

const firstRetryMs = 1000;
const longestRetryMs = 15_000;
const resyncMs = 30_000;
const atOnce = 8;
const lastLines = 50;

/** What those who wait for an app want to know. */
export interface LoopEvents {
  progress(generationId: string, text: string): void;
  promoted(generationId: string): void;
  failed(generationId: string, failure: Failure): void;
  /** An instance of the current generation ended by itself or was ended for its health. */
  crashed(appId: AppId, type: ProcessType, failure: Failure): void;
  passed(appId: AppId, plan: Plan): void;
}

/**
 * Brings one app to what is desired.
 * Invariants: one pass at a time; a trigger during a pass makes another pass; every pass observes anew; a pass that
 * throws is tried again later and never ends the loop.
 */
export class AppLoop {
  readonly #appId: AppId;
  readonly #deps: SchedulerDeps;
  readonly #prober: Prober;
  readonly #events: LoopEvents;
  readonly #abort = new AbortController();
  readonly #retiring = new Map<string, Promise<void>>();
  readonly #reported = new Set<string>();
  #running: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;
  #last: { readonly desired: Desired | undefined; readonly observed: Observed } | undefined;

  constructor(appId: AppId, deps: SchedulerDeps, prober: Prober, events: LoopEvents) {
    this.#appId = appId;
    this.#deps = deps;
    this.#prober = prober;
    this.#events = events;
  }

  trigger(): void {
    if (this.#abort.signal.aborted) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again) this.trigger();
    });
  }

  /** The last observation, for `ps`. */
  get view() {
    return this.#last;
  }

  async observe(): Promise<Observed> {
    const desired = this.#deps.desired(this.#appId);
    // As of before the look: one that is removed meanwhile is still seen by it.
    const retiring = new Set(this.#retiring.keys());
    const containers = await this.#deps.engine.list(this.#appId, this.#abort.signal);
    const processes = [desired?.current, desired?.candidate].flatMap((generation) => generation?.processes ?? []);
    const instances = containers.map((container): ObservedInstance => {
      const process = processes.find((p) => p.type === container.type && p.cohort === container.cohort);
      const host = `${desired?.appName ?? "app"}.internal`;
      const isRetiring = retiring.has(container.id) || this.#retiring.has(container.id);
      return { ...container, health: this.#prober.health(container, process, host), retiring: isRetiring };
    });
    const observed = { instances, routed: this.#deps.routing.routed(this.#appId) };
    this.#last = { desired, observed };
    return observed;
  }

  async stop(): Promise<void> {
    this.#abort.abort(new Error("the scheduler stops"));
    clearTimeout(this.#timer);
    await this.#running;
    await Promise.allSettled(this.#retiring.values());
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      let next: Plan;
      do {
        this.#again = false;
        next = await this.#pass();
      } while ((next.steps.length > 0 || this.#again) && !this.#abort.signal.aborted);
      this.#retryMs = firstRetryMs;
      this.#deps.engineProblem(undefined);
      this.#wakeAt(next.wakeAt);
    } catch (err) {
      if (this.#abort.signal.aborted) return;
      this.#deps.log.warn("reconcile failed, will try again", { app: this.#appId, inMs: this.#retryMs, err });
      if (isAppError(err, "ENGINE_UNAVAILABLE")) this.#deps.engineProblem(messageOf(err));
      this.#wakeAt(this.#deps.now() + this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
    }
  }

  #wakeAt(at: number | undefined): void {
    const inMs = Math.min(at === undefined ? resyncMs : Math.max(at - this.#deps.now(), 10), resyncMs);
    this.#timer = setTimeout(() => this.trigger(), inMs);
    this.#timer.unref();
  }

  async #pass(): Promise<Plan> {
    const observed = await this.observe();
    const desired = this.#last?.desired ?? this.#nothing();
    await this.#reportExits(desired, observed);
    const next = plan(desired, observed, this.#deps.now());
    const executors = createExecutors({
      deps: this.#deps,
      desired,
      observed,
      events: this.#events,
      retiring: this.#retiring,
      retired: () => this.trigger(),
      signal: this.#abort.signal,
    });
    for (let at = 0; at < next.steps.length; at += atOnce) {
      const results = await Promise.allSettled(
        next.steps.slice(at, at + atOnce).map((step) => runStep(executors, step)),
      );
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    }
    this.#events.passed(this.#appId, next);
    return next;
  }

  #nothing(): Desired {
    return { appId: this.#appId, appName: "", space: "", current: undefined, candidate: undefined };
  }

  /** Says once of each container of the current generation that it ended by itself. */
  async #reportExits(desired: Desired, observed: Observed): Promise<void> {
    for (const instance of observed.instances) {
      const process = desired.current?.processes.find((p) => p.type === instance.type && p.cohort === instance.cohort);
      if (process === undefined || instance.state !== "exited" || instance.retiring || this.#reported.has(instance.id))
        continue;
      this.#reported.add(instance.id);
      const name = `${instance.type}.${instance.index}`;
      const exit = instance.exit ?? { code: -1, oomKilled: false };
      this.#deps.say(this.#appId, name, `Process ${describeExit(exit, process.memoryMb)}`);
      this.#deps.say(this.#appId, name, "State changed from up to crashed");
      const reason = `${name} ${describeExit(exit, process.memoryMb)}`;
      this.#deps.log.warn("instance ended", { app: this.#appId, instance: name, container: instance.id, ...exit });
      const lines = await this.#deps.engine.tail(instance.id, lastLines, this.#abort.signal);
      const hint = `Look at its output: paas logs -a ${desired.appName} --ps ${name}`;
      this.#events.crashed(this.#appId, instance.type, { reason, hint, lines });
    }
  }
}
