/** Frames that carry nothing: so many together, then so many a second, and some for each frame that does. */
const maxIdleFrames = 1_000;
const idleFramesPerSecond = 50;
const perUsefulFrame = 4;
/** A client may open two windows for every piece that it has read, and some read in pieces of 4 KB. */
const bytesPerFrame = 1_024;
/** What may be saved up: all of a window of 100 MB can be on its way before the first piece is read. */
const maxEarnedFrames = 100_000;
/** Streams that a client takes back ("rapid reset" costs us a request each), or breaks. */
const maxResets = 200;
const resetsPerSecond = 33;

/** What one client may do that costs us something and brings it nothing. */
export class FloodGuard {
  #frames = maxIdleFrames;
  #framesAt: number;
  #resets = 0;
  #resetsAt: number;

  constructor(now: number) {
    this.#framesAt = now;
    this.#resetsAt = now;
  }

  /** A request, or a part of a body in either direction. */
  useful(bytes = 0): void {
    if (this.#frames < maxEarnedFrames) this.#frames += perUsefulFrame + bytes / bytesPerFrame;
  }

  /** A frame without use; true when there are too many. The clock is asked only then. */
  useless(): boolean {
    this.#frames -= 1;
    if (this.#frames > 0) return false;
    const now = performance.now();
    this.#frames = Math.min(maxIdleFrames, ((now - this.#framesAt) / 1_000) * idleFramesPerSecond);
    this.#framesAt = now;
    return this.#frames < 1;
  }

  /** True when there are too many. */
  reset(): boolean {
    const now = performance.now();
    this.#resets = Math.max(0, this.#resets - ((now - this.#resetsAt) / 1_000) * resetsPerSecond) + 1;
    this.#resetsAt = now;
    return this.#resets > maxResets;
  }
}
