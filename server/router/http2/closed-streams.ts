const remembered = 256;

/** Streams that were reset here: what their client has sent before it heard of it is no fault of its. */
export class ClosedStreams {
  readonly #ids: number[] = [];
  #next = 0;

  add(id: number): void {
    this.#ids[this.#next] = id;
    this.#next = (this.#next + 1) % remembered;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }
}
