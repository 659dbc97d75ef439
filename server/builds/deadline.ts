/** Calls once after a time; stopping and starting it anew begins at the beginning. */
export class Deadline implements Disposable {
  readonly #afterMs: number;
  readonly #onEnd: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(afterMs: number, onEnd: () => void) {
    this.#afterMs = afterMs;
    this.#onEnd = onEnd;
    this.restart();
  }

  restart(): void {
    this.stop();
    this.#timer = setTimeout(this.#onEnd, this.#afterMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
