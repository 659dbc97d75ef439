import { setTimeout as delay } from "node:timers/promises";
import type { AppId } from "../core/ids.ts";
import type { HealthCheck } from "../core/types.ts";
import type { DesiredProcess, Health } from "./desired.ts";
import type { ObservedContainer } from "./engine.ts";
import { askOnce, watchCheck, type CheckedInstance, type Probes } from "./health-check.ts";

export interface ProberDeps extends Probes {
  /** The health of an instance of this app has just changed. */
  readonly onChange: (appId: AppId) => void;
  /** A check that only warns has failed. */
  readonly onWarning: (appId: AppId, instance: string, text: string) => void;
}

interface Watch {
  readonly appId: AppId;
  /** This run of the container at this address; another is checked anew. */
  readonly run: string;
  health: Health;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** One thing that has to hold before the instance is up. */
interface Condition {
  readonly notBefore: number;
  readonly ask: () => Promise<string | undefined>;
}

const firstPauseMs = 40;
const longestPauseMs = 500;

/**
 * Checks running containers until they pass, and goes on with liveness and readiness checks while they run. Remembers what
 * came out, by container id.
 */
export class Prober implements Disposable {
  readonly #deps: ProberDeps;
  readonly #watches = new Map<string, Watch>();

  constructor(deps: ProberDeps) {
    this.#deps = deps;
  }

  /** Health so far; begins to check at the first call. */
  health(container: ObservedContainer, process: DesiredProcess | undefined, host: string): Health {
    if (container.state !== "running") {
      this.#drop(container.id);
      return { state: "pending", since: undefined, lastProblem: undefined };
    }
    if (process === undefined || !isAsked(process)) {
      // Nobody wants it any more; or without a port and checks there is nothing to ask: it only has to stay up.
      this.#drop(container.id);
      return { state: "passed", at: container.startedAt ?? this.#deps.now() };
    }
    return this.#watch(container, process, host).health;
  }

  /** Resolves when the container has passed or the time is over. */
  async settle(containerId: string, timeoutMs: number): Promise<void> {
    const watch = this.#watches.get(containerId);
    if (watch) await Promise.race([watch.done, delay(timeoutMs, undefined, { ref: false })]);
  }

  /** Forgets the containers of an app of which no trace is left. */
  retain(appId: AppId, known: ReadonlySet<string>): void {
    for (const [id, watch] of this.#watches) if (watch.appId === appId && !known.has(id)) this.#drop(id);
  }

  [Symbol.dispose](): void {
    for (const id of this.#watches.keys()) this.#drop(id);
  }

  #drop(containerId: string): void {
    this.#watches.get(containerId)?.abort.abort();
    this.#watches.delete(containerId);
  }

  #watch(container: ObservedContainer, process: DesiredProcess, host: string): Watch {
    const run = `${container.startedAt} ${container.address}`;
    const known = this.#watches.get(container.id);
    if (known?.run === run) return known;
    known?.abort.abort();
    const abort = new AbortController();
    const watch: Watch = {
      appId: container.appId,
      run,
      health: { state: "pending", since: this.#deps.now(), lastProblem: undefined },
      abort,
      done: Promise.resolve().then(() => this.#run(watch, container, process, host)),
    };
    this.#watches.set(container.id, watch);
    return watch;
  }

  async #run(watch: Watch, container: ObservedContainer, process: DesiredProcess, host: string): Promise<void> {
    const { address, id: containerId } = container;
    const since = this.#deps.now();
    const startedAt = container.startedAt ?? since;
    // Of a container in no network only commands could be asked; it is not up in any case.
    const instance = { containerId, address: address ?? "", port: process.port, host, startedAt };
    const conditions = address === undefined ? [strayed] : this.#conditions(process, instance);
    for (let pause = firstPauseMs; !watch.abort.signal.aborted; pause = Math.min(pause * 1.5, longestPauseMs)) {
      const problem = await this.#firstProblem(conditions);
      if (problem === undefined) {
        watch.health = { state: "passed", at: this.#deps.now() };
        this.#keepAsking(watch, container, process, instance);
        return this.#deps.onChange(container.appId);
      }
      watch.health = { state: "pending", since, lastProblem: problem };
      await delay(pause, undefined, { ref: false });
    }
  }

  #conditions(process: DesiredProcess, instance: CheckedInstance): readonly Condition[] {
    const { checks, port } = process;
    const { address, host } = instance;
    const builtIn: Condition[] =
      port === undefined
        ? []
        : [{ notBefore: 0, ask: () => this.#deps.probe({ address, port, path: checks.path, host }) }];
    const asked = [...(checks.startup ?? []), ...(checks.readiness ?? [])].filter((check) => !check.warn);
    return [
      ...builtIn,
      ...asked.map((check) => ({
        notBefore: instance.startedAt + check.initialDelayMs,
        ask: () => askOnce(this.#deps, check, instance),
      })),
    ];
  }

  /** One after the other: what is asked last sees an instance that answers. */
  async #firstProblem(conditions: readonly Condition[]): Promise<string | undefined> {
    for (const { notBefore, ask } of conditions) {
      if (this.#deps.now() < notBefore) return "its checks wait for their initial delay";
      const problem = await ask();
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** What is asked of an instance that is up. */
  #keepAsking(watch: Watch, container: ObservedContainer, process: DesiredProcess, instance: CheckedInstance): void {
    const { startup = [], liveness = [], readiness = [] } = process.checks;
    const { appId } = container;
    const name = `${container.type}.${container.index}`;
    const follow = (check: HealthCheck, onChange: (problem: string | undefined) => void): void => {
      const heard = (problem: string | undefined): void => {
        if (!check.warn) onChange(problem);
        else if (problem !== undefined) this.#deps.onWarning(appId, name, `Check "${check.name}" fails: ${problem}`);
      };
      void watchCheck(this.#deps, check, instance, heard, watch.abort.signal);
    };
    for (const check of startup.filter((one) => one.warn)) void this.#warnOnce(check, instance, appId, name, watch);
    for (const check of liveness)
      follow(check, (problem) => {
        if (problem === undefined || watch.health.state !== "passed") return;
        watch.health = { state: "failed", lastProblem: problem };
        this.#deps.onChange(appId);
      });
    const unready = new Map<string, string>();
    for (const check of readiness)
      follow(check, (problem) => {
        if (problem === undefined) unready.delete(check.name);
        else unready.set(check.name, problem);
        const [first] = unready.values();
        if (watch.health.state !== "passed") return;
        watch.health = { state: "passed", at: watch.health.at, ...(first !== undefined && { unready: first }) };
        this.#deps.onChange(appId);
      });
  }

  /** A startup check that only warns: asked as often as it says, then told. */
  async #warnOnce(check: HealthCheck, at: CheckedInstance, appId: AppId, name: string, watch: Watch): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, watch.abort.signal]);
    if ((await askOnce(this.#deps, check, at)) === undefined) return;
    await watchCheck(
      this.#deps,
      check,
      at,
      (problem) => {
        if (problem !== undefined) this.#deps.onWarning(appId, name, `Check "${check.name}" fails: ${problem}`);
        over.abort();
      },
      signal,
    );
  }
}

const strayed: Condition = { notBefore: 0, ask: () => Promise.resolve("it is in no network") };

function isAsked({ port, checks }: DesiredProcess): boolean {
  const { startup = [], liveness = [], readiness = [] } = checks;
  return port !== undefined || startup.length + liveness.length + readiness.length > 0;
}
