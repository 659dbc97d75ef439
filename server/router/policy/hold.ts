import type { Picked } from "./compiled-policy.ts";

const maxWaiting = 10_000;

/** Requests that are kept back until it opens. Each then looks at the table anew. */
class Gate {
  readonly #waiting = new Set<() => void>();
  isOpen = false;

  /** `timeoutMs`: this one's own patience. */
  wait(timeoutMs?: number): Picked {
    if (this.#waiting.size >= maxWaiting) return { kind: "none", code: "H11" };
    const { promise, resolve } = Promise.withResolvers<void>();
    const leave = () => {
      clearTimeout(timer);
      this.#waiting.delete(go);
    };
    const go = () => {
      leave();
      resolve();
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(go, timeoutMs).unref();
    this.#waiting.add(go);
    return { kind: "wait", until: promise, leave };
  }

  open(): void {
    this.isOpen = true;
    for (const go of [...this.#waiting]) go();
  }
}

/**
 * Keeps requests back until it is released or its time is over. They then look at the table anew, so none of them can
 * reach an instance that went away meanwhile.
 */
export class Hold {
  readonly #gate = new Gate();
  readonly #until: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param until ms since the epoch */
  constructor(until: number, now: () => number = Date.now) {
    this.#until = until;
    const left = until - now();
    // Longer than any hold may be, and than a timer can be.
    if (left <= 0) this.#gate.open();
    else this.#timer = setTimeout(() => this.release(), Math.min(left, 3_600_000)).unref();
  }

  get until(): number {
    return this.#until;
  }

  /** Undefined when nothing is held any more. */
  wait(): Picked | undefined {
    return this.#gate.isOpen ? undefined : this.#gate.wait();
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#gate.open();
  }
}

/** Keeps requests back while the first instance starts, each for so long at most (H20). Released when the table says more. */
export class StartHold {
  readonly #gate = new Gate();
  readonly #patienceMs: number;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** @param arrivedAt of `performance.now()` */
  wait(arrivedAt: number): Picked | undefined {
    if (this.#gate.isOpen) return undefined;
    const left = this.#patienceMs - (performance.now() - arrivedAt);
    // A timer may come a little early.
    return left < 1 ? { kind: "none", code: "H20" } : this.#gate.wait(left);
  }

  release(): void {
    this.#gate.open();
  }
}
