/**
 * Requests under way to instances with a limit, and those that wait for one to end, in the order of their coming. Shared
 * by all routes of a worker: two routes to one instance share its slots.
 */
export class Slots {
  readonly #taken = new Map<string, number>();
  readonly #lines = new Map<string, Set<Waiter>>();

  taken(targetId: string): number {
    return this.#taken.get(targetId) ?? 0;
  }

  take(targetId: string): () => void {
    this.#taken.set(targetId, this.taken(targetId) + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      const left = this.taken(targetId) - 1;
      if (left > 0) this.#taken.set(targetId, left);
      else this.#taken.delete(targetId);
      this.#wake(targetId);
    };
  }

  waiting(key: string): number {
    return this.#lines.get(key)?.size ?? 0;
  }

  /** Resolves when one of the targets has room, or after `timeoutMs`. */
  wait(key: string, targetIds: readonly string[], timeoutMs: number): { until: Promise<void>; leave: () => void } {
    const line = this.#lines.get(key) ?? new Set();
    this.#lines.set(key, line);
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      clearTimeout(timer);
      line.delete(waiter);
      if (line.size === 0 && this.#lines.get(key) === line) this.#lines.delete(key);
      resolve();
    };
    const timer = setTimeout(end, timeoutMs);
    const waiter: Waiter = { targetIds: new Set(targetIds), end };
    line.add(waiter);
    return { until: promise, leave: end };
  }

  /** The table has changed: all look again. */
  wakeAll(key: string): void {
    for (const waiter of [...(this.#lines.get(key) ?? [])]) waiter.end();
  }

  #wake(targetId: string): void {
    for (const line of this.#lines.values()) {
      for (const waiter of line) {
        if (!waiter.targetIds.has(targetId)) continue;
        waiter.end();
        return;
      }
    }
  }
}

interface Waiter {
  readonly targetIds: ReadonlySet<string>;
  readonly end: () => void;
}
