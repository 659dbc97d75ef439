/**
 * Something with a time limit. No clock is read where bytes move: that only sets `isMoved`, and the sweep that sees it
 * starts the time anew. So a limit is kept to within one sweep.
 */
export interface Timed {
  previous: Timed | undefined;
  next: Timed | undefined;
  /** 0: starts at the next sweep. */
  deadline: number;
  isMoved: boolean;
  /** Infinity for none. */
  timeoutMs(): number;
  /** The limit has passed. */
  expired(now: number): void;
}

/** One timer for all limits of a worker. */
export class Sweeper {
  readonly #timer: NodeJS.Timeout;
  #first: Timed | undefined;
  /** Wall clock minus monotonic clock. */
  #offset = Date.now() - performance.now();

  constructor(everyMs: number, onSweep: (now: number) => void) {
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#offset = Date.now() - now;
      this.#sweep(now);
      onSweep(now);
    }, everyMs);
  }

  /** ms since the epoch at a time of the monotonic clock. */
  wallClock(now: number): number {
    return now + this.#offset;
  }

  add(one: Timed): void {
    one.previous = undefined;
    one.next = this.#first;
    if (this.#first !== undefined) this.#first.previous = one;
    this.#first = one;
  }

  remove(one: Timed): void {
    if (one.previous !== undefined) one.previous.next = one.next;
    else if (this.#first === one) this.#first = one.next;
    if (one.next !== undefined) one.next.previous = one.previous;
    one.previous = undefined;
    one.next = undefined;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sweep(now: number): void {
    const due: Timed[] = [];
    for (let one = this.#first; one !== undefined; one = one.next) {
      if (one.isMoved || one.deadline === 0) {
        one.isMoved = false;
        one.deadline = now + one.timeoutMs();
      } else if (now >= one.deadline) due.push(one);
    }
    // What another's end has begun anew is not due any more.
    for (const one of due) if (one.deadline !== 0 && now >= one.deadline) one.expired(now);
  }
}
