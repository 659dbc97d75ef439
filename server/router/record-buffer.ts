import type { RequestRecord } from "./protocol.ts";

export interface Batch {
  readonly first: number;
  readonly records: readonly RequestRecord[];
  readonly dropped: number;
}

const segmentBytes = 128 * 1024;
/** Time, length of the app's name, length of the text. */
const headerBytes = 8 + 2 + 4;

/** Records as bytes, one behind the other: thousands of strings that wait would be carried about by each collection. */
class Segment {
  readonly bytes: Buffer;
  /** Where the first and the next record begin. */
  start = 0;
  end = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }
}

/** Request records until somebody has them. Bounded: the oldest go first, and are counted. Texts are latin1. */
export class RecordBuffer {
  readonly #maxRecords: number;
  readonly #maxChars: number;
  #segments: Segment[] = [];
  #size = 0;
  /** Number of the oldest. */
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
    const { at, app, text } = record;
    const segment = this.#segmentFor(headerBytes + app.length + text.length);
    const { bytes, end } = segment;
    bytes.writeDoubleLE(at, end);
    bytes.writeUInt16LE(app.length, end + 8);
    bytes.writeUInt32LE(text.length, end + 10);
    bytes.write(app, end + headerBytes, "latin1");
    bytes.write(text, end + headerBytes + app.length, "latin1");
    segment.end = end + headerBytes + app.length + text.length;
    this.#size += 1;
    this.#chars += text.length;
    if (this.#size <= this.#maxRecords && this.#chars <= this.#maxChars) return;
    // A tenth at a time.
    this.#dropped += this.#remove(Math.ceil(this.#size / 10));
  }

  get size(): number {
    return this.#size;
  }

  /** What comes next, oldest first. The same again until it is confirmed. */
  peek(maxRecords: number): Batch | undefined {
    if (this.#size === 0) return undefined;
    this.#told = this.#dropped;
    const records: RequestRecord[] = [];
    for (const { bytes, start, end } of this.#segments) {
      for (let p = start; p < end && records.length < maxRecords; p = next(bytes, p)) records.push(recordAt(bytes, p));
    }
    return { first: this.#first, records, dropped: this.#dropped };
  }

  /** All before the number `upTo` are kept elsewhere. */
  confirm(upTo: number): void {
    this.#dropped -= this.#told;
    this.#told = 0;
    if (upTo > this.#first) this.#remove(Math.min(upTo - this.#first, this.#size));
  }

  #remove(count: number): number {
    for (let left = count; left > 0; left--) {
      const segment = this.#segments[0];
      if (segment === undefined) break;
      this.#chars -= segment.bytes.readUInt32LE(segment.start + 10);
      segment.start = next(segment.bytes, segment.start);
      if (segment.start === segment.end) this.#segments.shift();
    }
    this.#size -= count;
    this.#first += count;
    return count;
  }

  #segmentFor(bytes: number): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.end + bytes <= last.bytes.length) return last;
    const made = new Segment(Math.max(segmentBytes, bytes));
    this.#segments.push(made);
    return made;
  }
}

function next(bytes: Buffer, at: number): number {
  return at + headerBytes + bytes.readUInt16LE(at + 8) + bytes.readUInt32LE(at + 10);
}

function recordAt(bytes: Buffer, at: number): RequestRecord {
  const app = at + headerBytes;
  const text = app + bytes.readUInt16LE(at + 8);
  const end = text + bytes.readUInt32LE(at + 10);
  return {
    at: bytes.readDoubleLE(at),
    app: bytes.toString("latin1", app, text),
    text: bytes.toString("latin1", text, end),
  };
}
