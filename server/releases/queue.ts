import type { AppId } from "../core/ids.ts";

export interface QueueEntry {
  /** By which it can be cancelled alone. */
  readonly id?: string;
  /** `push 4f394e9`, for what is said to those who wait. */
  readonly title: string;
  /** A later entry that also supersedes takes the place of this one while it waits. */
  readonly supersedes: boolean;
  readonly signal: AbortSignal;
  /** Called once if there is something to wait for. */
  readonly onWait: (running: string) => void;
  /** Called for each entry that this one takes the place of. */
  readonly onSupersede?: (waiting: string) => void;
}

/** What the one whose turn it is tells: while it waits for something else, a newer one may still take its place. */
export interface Turn {
  isWaiting: boolean;
}

/** The reason of a signal that a newer entry has aborted. */
class Superseded extends Error {
  readonly by: string;

  constructor(by: string) {
    super(`superseded by ${by}`);
    this.by = by;
  }
}

type Admission =
  | { readonly admitted: true; readonly signal: AbortSignal; readonly turn: Turn }
  | { readonly admitted: false; readonly by: string };

interface Waiting {
  readonly entry: QueueEntry;
  readonly admit: (admission: Admission) => void;
  readonly refuse: (reason: Error) => void;
}

interface Running {
  readonly entry: QueueEntry;
  readonly abort: AbortController;
  readonly turn: Turn;
}

interface Lane {
  running: Running | undefined;
  readonly waiting: Waiting[];
}

/** One change of an app at a time: pushes, config changes, rollbacks, restarts. */
export class AppQueue {
  readonly #lanes = new Map<AppId, Lane>();

  /**
   * Runs `work` when it is its turn. `work` gets a signal that ends with the caller's or by `cancel`.
   * Answers undefined, after `onSuperseded`, when a newer entry took its place.
   */
  async run<T>(
    appId: AppId,
    entry: QueueEntry,
    onSuperseded: (by: string) => T,
    work: (signal: AbortSignal, turn: Turn) => Promise<T>,
  ): Promise<T> {
    const lane = this.#lane(appId);
    const admission = await this.#admit(lane, entry);
    if (!admission.admitted) return onSuperseded(admission.by);
    try {
      const signal = AbortSignal.any([entry.signal, admission.signal]);
      signal.throwIfAborted();
      return await work(signal, admission.turn);
    } catch (err) {
      const { reason } = admission.signal as { readonly reason: unknown };
      if (reason instanceof Superseded) return onSuperseded(reason.by);
      throw err;
    } finally {
      const next = lane.waiting.shift();
      // Handed over in the same breath: nobody who asks in between finds the lane free.
      if (next) next.admit(occupy(lane, next.entry));
      else this.#lanes.delete(appId);
    }
  }

  /** Ends what runs for the app, or the one with this id, waiting or not. False when there is none. */
  cancel(appId: AppId, reason: Error, id?: string): boolean {
    const lane = this.#lanes.get(appId);
    const waiting = id === undefined ? undefined : lane?.waiting.find((one) => one.entry.id === id);
    if (lane !== undefined && waiting !== undefined) {
      lane.waiting.splice(lane.waiting.indexOf(waiting), 1);
      waiting.refuse(reason);
      return true;
    }
    const running = lane?.running;
    if (running === undefined || (id !== undefined && running.entry.id !== id)) return false;
    running.abort.abort(reason);
    return true;
  }

  running(appId: AppId): string | undefined {
    return this.#lanes.get(appId)?.running?.entry.title;
  }

  #lane(appId: AppId): Lane {
    const known = this.#lanes.get(appId);
    if (known) return known;
    const lane: Lane = { running: undefined, waiting: [] };
    this.#lanes.set(appId, lane);
    return lane;
  }

  #admit(lane: Lane, entry: QueueEntry): Promise<Admission> {
    if (lane.running === undefined && lane.waiting.length === 0) {
      return Promise.resolve(occupy(lane, entry));
    }
    entry.onWait(lane.running?.entry.title ?? "another change");
    if (entry.supersedes) this.#supersede(lane, entry);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { entry, admit: resolve, refuse: reject };
      lane.waiting.push(waiting);
      entry.signal.addEventListener(
        "abort",
        () => {
          const at = lane.waiting.indexOf(waiting);
          if (at === -1) return;
          lane.waiting.splice(at, 1);
          reject(entry.signal.reason);
        },
        { once: true },
      );
    });
  }

  #supersede(lane: Lane, by: QueueEntry): void {
    const { running } = lane;
    if (running?.turn.isWaiting === true && running.entry.supersedes) {
      by.onSupersede?.(running.entry.title);
      running.abort.abort(new Superseded(by.title));
    }
    for (const waiting of lane.waiting.filter((other) => other.entry.supersedes)) {
      lane.waiting.splice(lane.waiting.indexOf(waiting), 1);
      by.onSupersede?.(waiting.entry.title);
      waiting.admit({ admitted: false, by: by.title });
    }
  }
}

function occupy(lane: Lane, entry: QueueEntry): Admission {
  const abort = new AbortController();
  const turn: Turn = { isWaiting: false };
  lane.running = { entry, abort, turn };
  return { admitted: true, signal: abort.signal, turn };
}
