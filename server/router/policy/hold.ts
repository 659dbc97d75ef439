import type { Picked } from "./compiled-policy.ts";

const maxWaiting = 10_000;

/**
 * Keeps requests back until it is released or its time is over. They then look at the table anew, so none of them can
 * reach an instance that went away meanwhile.
 */
export class Hold {
  readonly #until: number;
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param until ms since the epoch */
  constructor(until: number, now: () => number = Date.now) {
    this.#until = until;
    const left = until - now();
    // Longer than any hold may be, and than a timer can be.
    if (left <= 0) this.#isOver = true;
    else this.#timer = setTimeout(() => this.release(), Math.min(left, 3_600_000)).unref();
  }

  get until(): number {
    return this.#until;
  }

  /** Undefined when nothing is held any more. */
  wait(): Picked | undefined {
    if (this.#isOver) return undefined;
    if (this.#waiting.size >= maxWaiting) return { kind: "none", code: "H11" };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const leave = () => {
      this.#waiting.delete(resolve);
    };
    return { kind: "wait", until: promise, leave };
  }

  release(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
