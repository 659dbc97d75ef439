const firstBytes = 1_024;

/** Bytes of a message head that is not whole yet. Grows by doubling, so that a byte at a time costs no more. */
export class Pending {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(from: Buffer, start: number, end: number): void {
    const needed = this.#length + end - start;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(firstBytes, needed, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    from.copy(this.#buffer, this.#length, start, end);
    this.#length = needed;
  }

  /** Whether an empty line is there, looked for from `from`; without one a head cannot be whole. */
  hasEnd(from: number): boolean {
    const bytes = this.#buffer.subarray(Math.max(0, from - 3), this.#length);
    return bytes.includes("\n\r\n", 0, "latin1") || bytes.includes("\n\n", 0, "latin1");
  }

  /** All of it; it is empty then. */
  take(): Buffer {
    const all = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    return all;
  }
}
