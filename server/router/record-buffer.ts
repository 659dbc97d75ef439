import type { RequestRecord } from "./protocol.ts";

export interface Batch {
  readonly first: number;
  readonly records: readonly RequestRecord[];
  readonly dropped: number;
}

/** Request records until somebody has them. Bounded: the oldest go first, and are counted. */
export class RecordBuffer {
  readonly #maxRecords: number;
  readonly #maxChars: number;
  #records: RequestRecord[] = [];
  /** Number of `#records[0]`. */
  #first = 0;
  #chars = 0;
  #dropped = 0;
  /** How many of the lost the last batch told. */
  #told = 0;

  constructor(maxRecords = 10_000, maxChars = 8_000_000) {
    this.#maxRecords = maxRecords;
    this.#maxChars = maxChars;
  }

  push(record: RequestRecord): void {
    this.#records.push(record);
    this.#chars += record.text.length;
    if (this.#records.length <= this.#maxRecords && this.#chars <= this.#maxChars) return;
    // A tenth at a time: to shift an array at each request would be dear.
    this.#dropped += this.#remove(Math.ceil(this.#records.length / 10));
  }

  get size(): number {
    return this.#records.length;
  }

  /** What comes next, oldest first. The same again until it is confirmed. */
  peek(maxRecords: number): Batch | undefined {
    if (this.#records.length === 0) return undefined;
    this.#told = this.#dropped;
    return { first: this.#first, records: this.#records.slice(0, maxRecords), dropped: this.#dropped };
  }

  /** All before the number `upTo` are kept elsewhere. */
  confirm(upTo: number): void {
    this.#dropped -= this.#told;
    this.#told = 0;
    if (upTo > this.#first) this.#remove(Math.min(upTo - this.#first, this.#records.length));
  }

  #remove(count: number): number {
    for (const record of this.#records.splice(0, count)) this.#chars -= record.text.length;
    this.#first += count;
    return count;
  }
}
