import { setTimeout as delay } from "node:timers/promises";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { Follower } from "./follower.ts";
import type { LogEngine, LoggedContainer } from "./ports.ts";
import { shortId } from "./record.ts";
import type { LogStore } from "./store.ts";
import { Turns } from "./turns.ts";

export interface CollectorDeps {
  readonly store: LogStore;
  readonly engine: LogEngine;
  readonly log: Log;
  /** How often all containers are looked through, ms, for what no event told. */
  readonly syncMs?: number;
}

export interface Collector extends AsyncDisposable {
  /** Begins to follow what there is and what comes. */
  start(): void;
  /** Follows a container at once. Does nothing when it is followed already. */
  watch(container: LoggedContainer): void;
  /** Call when it has ended and before it is removed: resolves when all of its output is on disk, or at the deadline. Never rejects. */
  finish(containerId: string, deadlineMs?: number): Promise<void>;
  /** Stops following the app's containers. */
  removeApp(appId: AppId): Promise<void>;
}

const defaultSyncMs = 30_000;
const defaultFinishMs = 10_000;
const restPerWork = 1.5;

export function createCollector(deps: CollectorDeps): Collector {
  return new FollowingCollector(deps);
}

class FollowingCollector implements Collector {
  readonly #deps: CollectorDeps;
  readonly #turns = new Turns(restPerWork);
  readonly #followers = new Map<string, Follower>();
  /** Ended, and read to the end. */
  readonly #drained = new Set<string>();
  readonly #removed = new Set<AppId>();
  readonly #closing = new AbortController();
  readonly #loops: Promise<void>[] = [];

  constructor(deps: CollectorDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#loops.push(this.#repeat(() => this.#listen(), 1_000));
    this.#loops.push(this.#repeat(() => this.#sync(), this.#deps.syncMs ?? defaultSyncMs));
  }

  watch(container: LoggedContainer): void {
    const { id, appId } = container;
    if (this.#closing.signal.aborted || this.#removed.has(appId) || this.#followers.has(id)) return;
    this.#drained.delete(id);
    const { engine, log, store } = this.#deps;
    const follower = new Follower(container, store.of(appId), { engine, log, turns: this.#turns });
    this.#followers.set(id, follower);
    void follower.done.then(() => {
      this.#followers.delete(id);
      this.#drained.add(id);
    });
  }

  async finish(containerId: string, deadlineMs: number = defaultFinishMs): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(deadlineMs)]);
    try {
      const container = await this.#startLate(containerId, signal);
      if (container === undefined) return;
      const follower = this.#followers.get(containerId);
      await Promise.race([follower?.done, aborted(signal)]);
      await follower?.stop();
      await this.#deps.store.of(container.appId).flush(signal);
    } catch (err) {
      this.#deps.log.warn("the end of a container's output may be missing from the log", {
        container: containerId,
        err,
      });
    }
  }

  async removeApp(appId: AppId): Promise<void> {
    this.#removed.add(appId);
    const followers = [...this.#followers.values()].filter((follower) => follower.container.appId === appId);
    await Promise.all(followers.map((follower) => follower.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#followers.values()].map((follower) => follower.stop()));
    await Promise.all(this.#loops);
  }

  /** A container that lived too shortly to be noticed is read now. */
  async #startLate(containerId: string, signal: AbortSignal): Promise<LoggedContainer | undefined> {
    const followed = this.#followers.get(containerId)?.container;
    if (followed) return followed;
    const found = await this.#deps.engine.find(containerId, signal);
    if (found && !this.#drained.has(containerId)) this.watch(found);
    return found;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#closing;
    // What started while nobody listened.
    await this.#sync();
    for await (const container of this.#deps.engine.starts(signal)) this.watch(container);
  }

  async #sync(): Promise<void> {
    const drainedBefore = [...this.#drained];
    const found = await this.#deps.engine.list(this.#closing.signal);
    const ids = new Set(found.map(({ id }) => id));
    for (const container of found) if (!this.#drained.has(container.id)) this.watch(container);
    for (const id of drainedBefore) if (!ids.has(id)) this.#drained.delete(id);
    const alive = new Set([...ids, ...this.#followers.keys(), ...this.#drained].map(shortId));
    for (const appId of new Set(found.map((container) => container.appId))) {
      if (!this.#removed.has(appId)) await this.#deps.store.of(appId).retain((container) => alive.has(container));
    }
  }

  /** Again and again until the end; an engine that is away is asked again. */
  async #repeat(act: () => Promise<void>, everyMs: number): Promise<void> {
    const { signal } = this.#closing;
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await act();
        isFailing = false;
      } catch (err) {
        if (!signal.aborted && !isFailing) this.#deps.log.warn("the log collector cannot reach the engine", { err });
        isFailing = true;
      }
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
