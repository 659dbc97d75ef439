/** Shares the daemon's one thread: work is done in turns, first come first served, and never takes more than its part of the time. */
export class Turns {
  readonly #restPerWork: number;
  #last: Promise<void> = Promise.resolve();
  #owedMs = 0;

  /** @param restPerWork 2 leaves two thirds of the time to others */
  constructor(restPerWork: number) {
    this.#restPerWork = restPerWork;
  }

  async take(work: () => void): Promise<void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    const startedAt = performance.now();
    try {
      work();
    } finally {
      this.#owedMs += (performance.now() - startedAt) * this.#restPerWork;
      this.#rest(resolve);
    }
  }

  /** Timers are good to a millisecond or so: what is less is owed. */
  #rest(resolve: () => void): void {
    if (this.#owedMs < 2) return resolve();
    const rest = this.#owedMs;
    this.#owedMs = 0;
    setTimeout(resolve, rest);
  }
}
