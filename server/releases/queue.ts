import type { AppId } from "../core/ids.ts";

export interface QueueEntry {
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

type Admission =
  | { readonly admitted: true; readonly signal: AbortSignal }
  | { readonly admitted: false; readonly by: string };

interface Waiting {
  readonly entry: QueueEntry;
  readonly admit: (admission: Admission) => void;
}

interface Lane {
  running: { readonly title: string; readonly abort: AbortController } | undefined;
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
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const lane = this.#lane(appId);
    const admission = await this.#admit(lane, entry);
    if (!admission.admitted) return onSuperseded(admission.by);
    try {
      const signal = AbortSignal.any([entry.signal, admission.signal]);
      signal.throwIfAborted();
      return await work(signal);
    } finally {
      const next = lane.waiting.shift();
      // Handed over in the same breath: nobody who asks in between finds the lane free.
      if (next) next.admit(occupy(lane, next.entry));
      else this.#lanes.delete(appId);
    }
  }

  /** Ends what runs for the app. False when nothing does. */
  cancel(appId: AppId, reason: Error): boolean {
    const running = this.#lanes.get(appId)?.running;
    running?.abort.abort(reason);
    return running !== undefined;
  }

  running(appId: AppId): string | undefined {
    return this.#lanes.get(appId)?.running?.title;
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
    entry.onWait(lane.running?.title ?? "another change");
    if (entry.supersedes) this.#supersede(lane, entry);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { entry, admit: resolve };
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
    for (const waiting of lane.waiting.filter((other) => other.entry.supersedes)) {
      lane.waiting.splice(lane.waiting.indexOf(waiting), 1);
      by.onSupersede?.(waiting.entry.title);
      waiting.admit({ admitted: false, by: by.title });
    }
  }
}

function occupy(lane: Lane, entry: QueueEntry): Admission {
  const abort = new AbortController();
  lane.running = { title: entry.title, abort };
  return { admitted: true, signal: abort.signal };
}
