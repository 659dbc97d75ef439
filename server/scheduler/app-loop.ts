import { isAppError, messageOf } from "../core/errors.ts";
import type { AppId, ProcessType } from "../core/ids.ts";
import { slotKey, type Desired, type FailedStart, type Observed, type ObservedInstance, type Plan } from "./desired.ts";
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

interface Pass {
  readonly plan: Plan;
  /** What the first step that failed threw. */
  readonly problem: unknown;
}

/** What those who wait for an app want to know. */
export interface LoopEvents {
  progress(generationId: string, text: string): void;
  promoted(generationId: string): void;
  failed(generationId: string, failure: Failure): void;
  /** An instance of the current generation ended by itself or was ended for its health. */
  crashed(appId: AppId, type: ProcessType, failure: Failure): void;
  /** `pass` counts the passes of the app's loop. */
  passed(appId: AppId, plan: Plan, pass: number): void;
}

/**
 * Brings one app to what is desired.
 * Invariants: one pass at a time; a trigger during a pass makes another pass; every pass observes anew; a step that
 * fails keeps no other step of its pass from being carried out, is tried again later, and never ends the loop.
 */
export class AppLoop {
  readonly #appId: AppId;
  readonly #deps: SchedulerDeps;
  readonly #prober: Prober;
  readonly #events: LoopEvents;
  readonly #abort = new AbortController();
  readonly #retiring = new Map<string, Promise<void>>();
  readonly #failedStarts = new Map<string, FailedStart>();
  readonly #reported = new Set<string>();
  #running: Promise<void> | undefined;
  #again = false;
  #passes = 0;
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

  /** Passes that have begun: what is desired from now on is seen by the next one at the earliest. */
  get passes(): number {
    return this.#passes;
  }

  async observe(): Promise<Observed> {
    const desired = this.#deps.desired(this.#appId);
    // As of before the look: one that is removed meanwhile is still seen by it.
    const retiring = new Set(this.#retiring.keys());
    const containers = await this.#deps.engine.list(this.#appId, this.#abort.signal);
    this.#prober.retain(this.#appId, new Set(containers.map((container) => container.id)));
    const processes = [desired?.current, desired?.candidate].flatMap((generation) => generation?.processes ?? []);
    const instances = containers.map((container): ObservedInstance => {
      const process = processes.find((p) => p.type === container.type && p.cohort === container.cohort);
      const host = `${desired?.appName ?? "app"}.internal`;
      const isRetiring = retiring.has(container.id) || this.#retiring.has(container.id);
      return { ...container, health: this.#prober.health(container, process, host), retiring: isRetiring };
    });
    this.#forgetStarts(desired);
    const serving = this.#deps.routing.serving(this.#appId);
    const observed = { instances, ...this.#routed(instances), serving, failedStarts: new Map(this.#failedStarts) };
    this.#last = { desired, observed };
    return observed;
  }

  /** A container that was restarted or put into another network by hand is not where the router believes it. */
  #routed(instances: readonly ObservedInstance[]): Pick<Observed, "routed" | "displaced"> {
    const targets = this.#deps.routing.targets(this.#appId);
    const addresses = new Map(instances.filter((i) => i.state === "running").map((i) => [i.id, i.address]));
    const inPlace = targets.filter(({ id, address }) => !addresses.has(id) || addresses.get(id) === address);
    return { routed: new Set(inPlace.map((target) => target.id)), displaced: inPlace.length < targets.length };
  }

  /** Of slots that are not wanted any more. */
  #forgetStarts(desired: Desired | undefined): void {
    const wanted = new Set(
      desired?.current?.processes.flatMap((process) =>
        Array.from({ length: process.count }, (_, i) => slotKey(process, i + 1)),
      ),
    );
    for (const key of this.#failedStarts.keys()) if (!wanted.has(key)) this.#failedStarts.delete(key);
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
      let pass: Pass;
      do {
        this.#again = false;
        pass = await this.#pass();
        if (pass.problem !== undefined) return this.#failed(pass.problem, pass.plan.wakeAt);
      } while ((pass.plan.steps.length > 0 || this.#again) && !this.#abort.signal.aborted);
      this.#retryMs = firstRetryMs;
      this.#deps.engineProblem(undefined);
      this.#wakeAt(pass.plan.wakeAt);
    } catch (err) {
      this.#failed(err, undefined);
    }
  }

  #failed(err: unknown, wakeAt: number | undefined): void {
    if (this.#abort.signal.aborted) return;
    this.#deps.log.warn("reconcile failed, will try again", { app: this.#appId, inMs: this.#retryMs, err });
    if (isAppError(err, "ENGINE_UNAVAILABLE")) this.#deps.engineProblem(messageOf(err));
    const now = this.#deps.now();
    const retryAt = now + this.#retryMs;
    this.#wakeAt(wakeAt !== undefined && wakeAt > now ? Math.min(wakeAt, retryAt) : retryAt);
    this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
  }

  #wakeAt(at: number | undefined): void {
    const inMs = Math.min(at === undefined ? resyncMs : Math.max(at - this.#deps.now(), 10), resyncMs);
    this.#timer = setTimeout(() => this.trigger(), inMs);
    this.#timer.unref();
  }

  async #pass(): Promise<Pass> {
    const number = ++this.#passes;
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
      failedStarts: this.#failedStarts,
      retired: () => this.trigger(),
      signal: this.#abort.signal,
    });
    const results: PromiseSettledResult<void>[] = [];
    for (let at = 0; at < next.steps.length && !this.#abort.signal.aborted; at += atOnce) {
      const some = next.steps.slice(at, at + atOnce);
      results.push(...(await Promise.allSettled(some.map((step) => runStep(executors, step)))));
    }
    this.#events.passed(this.#appId, next, number);
    const failed = results.find((result) => result.status === "rejected");
    return { plan: next, problem: failed && (failed.reason ?? "unknown") };
  }

  #nothing(): Desired {
    const nobody = { current: undefined, candidate: undefined, strategy: "rolling" } as const;
    return { appId: this.#appId, appName: "", space: "", ...nobody };
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
