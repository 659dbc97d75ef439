import { setTimeout as delay } from "node:timers/promises";
import type { AppId } from "../core/ids.ts";
import type { Clock } from "../core/time.ts";
import type { DesiredProcess, Health } from "./desired.ts";
import type { ObservedContainer } from "./engine.ts";
import type { ProbeTarget } from "./probe.ts";

export interface ProberDeps {
  readonly probe: (target: ProbeTarget) => Promise<string | undefined>;
  readonly now: Clock;
  /** An instance of this app has just passed. */
  readonly onPass: (appId: AppId) => void;
}

interface Watch {
  /** This run of the container at this address; another is checked anew. */
  readonly run: string;
  health: Health;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

const firstPauseMs = 40;
const longestPauseMs = 500;

/** Checks running containers until they pass once, and remembers what came out, by container id. */
export class Prober implements Disposable {
  readonly #deps: ProberDeps;
  readonly #watches = new Map<string, Watch>();

  constructor(deps: ProberDeps) {
    this.#deps = deps;
  }

  /** Health so far; begins to check at the first call. */
  health(container: ObservedContainer, process: DesiredProcess | undefined, host: string): Health {
    if (container.state !== "running") return { state: "pending", since: undefined, lastProblem: undefined };
    // Without a port there is nothing to ask: it is up as soon as it runs, and only has to stay so.
    if (process?.port === undefined) return { state: "passed", at: container.startedAt ?? this.#deps.now() };
    return this.#watch(container, process, process.port, host).health;
  }

  /** Resolves when the container has passed or the time is over. */
  async settle(containerId: string, timeoutMs: number): Promise<void> {
    const watch = this.#watches.get(containerId);
    if (watch) await Promise.race([watch.done, delay(timeoutMs, undefined, { ref: false })]);
  }

  /** Forgets all containers of which no trace is left. */
  retain(isKnown: (containerId: string) => boolean): void {
    for (const [id, watch] of this.#watches) {
      if (isKnown(id)) continue;
      watch.abort.abort();
      this.#watches.delete(id);
    }
  }

  forget(containerId: string): void {
    this.retain((id) => id !== containerId);
  }

  [Symbol.dispose](): void {
    this.retain(() => false);
  }

  #watch(container: ObservedContainer, process: DesiredProcess, port: number, host: string): Watch {
    const run = `${container.startedAt} ${container.address}`;
    const known = this.#watches.get(container.id);
    if (known?.run === run) return known;
    known?.abort.abort();
    const { address } = container;
    const target = address === undefined ? undefined : { address, port, path: process.checks.path, host };
    const abort = new AbortController();
    const watch: Watch = {
      run,
      health: { state: "pending", since: this.#deps.now(), lastProblem: undefined },
      abort,
      done: Promise.resolve().then(() => this.#run(watch, container.appId, target)),
    };
    this.#watches.set(container.id, watch);
    return watch;
  }

  async #run(watch: Watch, appId: AppId, target: ProbeTarget | undefined): Promise<void> {
    const since = this.#deps.now();
    for (let pause = firstPauseMs; !watch.abort.signal.aborted; pause = Math.min(pause * 1.5, longestPauseMs)) {
      const problem = target === undefined ? "it is in no network" : await this.#deps.probe(target);
      if (problem === undefined) {
        watch.health = { state: "passed", at: this.#deps.now() };
        return this.#deps.onPass(appId);
      }
      watch.health = { state: "pending", since, lastProblem: problem };
      await delay(pause, undefined, { ref: false });
    }
  }
}
