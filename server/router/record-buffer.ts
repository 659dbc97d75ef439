import { putText } from "./http1/bytes.ts";
import type { RequestRecord } from "./protocol.ts";

export interface Batch {
  readonly first: number;
  readonly records: readonly RequestRecord[];
  readonly dropped: number;
}

const segmentBytes = 128 * 1024;
const maxSpare = 4;
/** Time, length of the app's name, length of the text. */
const headerBytes = 8 + 4 + 4;
const time = new Float64Array(1);
const timeBytes = new Uint8Array(time.buffer);

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

/**
 * Request records until somebody has them. Bounded: the oldest go first, and are counted. Texts are latin1, and are written
 * into place.
 */
export class RecordBuffer {
  readonly #maxRecords: number;
  readonly #maxChars: number;
  #segments: Segment[] = [];
  readonly #spare: Segment[] = [];
  /** Of the record that is being written. */
  #open = new Segment(0);
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

  push({ at, app, text }: RequestRecord): void {
    const start = this.open(app, at, text.length);
    this.close(start + this.bytes.write(text, start, "latin1"));
  }

  /** Where the next record's text stands. */
  get bytes(): Buffer {
    return this.#open.bytes;
  }

  /** Begins a record whose text takes up to `room` bytes, and answers where in {@link bytes} it begins. */
  open(app: string, at: number, room: number): number {
    const segment = this.#segmentFor(headerBytes + app.length + room);
    const { bytes, end } = segment;
    this.#open = segment;
    time[0] = at;
    for (let i = 0; i < 8; i++) bytes[end + i] = timeBytes[i] as number;
    putUint32(bytes, end + 8, app.length);
    return putText(bytes, end + headerBytes, app);
  }

  /** Its text ends before `end`. */
  close(end: number): void {
    const { bytes, end: start } = this.#open;
    const length = end - textAt(bytes, start);
    putUint32(bytes, start + 12, length);
    this.#open.end = end;
    this.#size += 1;
    this.#chars += length;
    if (this.#size <= this.#maxRecords && this.#chars <= this.#maxChars) return;
    // A tenth at a time.
    this.#dropped += this.#remove(Math.ceil(this.#size / 10));
  }

  /** Records were lost before they came here. */
  lost(count: number): void {
    this.#dropped += count;
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
      this.#chars -= segment.bytes.readUInt32LE(segment.start + 12);
      segment.start = next(segment.bytes, segment.start);
      if (segment.start === segment.end) this.#recycle();
    }
    this.#size -= count;
    this.#first += count;
    return count;
  }

  /** The first is empty. A new one each time would be garbage that lived long, and stays longer. */
  #recycle(): void {
    const segment = this.#segments.shift();
    if (segment === undefined || segment.bytes.length !== segmentBytes || this.#spare.length >= maxSpare) return;
    segment.start = 0;
    segment.end = 0;
    this.#spare.push(segment);
  }

  #segmentFor(bytes: number): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.end + bytes <= last.bytes.length) return last;
    const made = (bytes <= segmentBytes ? this.#spare.pop() : undefined) ?? new Segment(Math.max(segmentBytes, bytes));
    this.#segments.push(made);
    return made;
  }
}

/** By hand, as all that is written for each request: a call of a method costs more. */
function putUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value & 255;
  out[at + 1] = (value >>> 8) & 255;
  out[at + 2] = (value >>> 16) & 255;
  out[at + 3] = value >>> 24;
}

function textAt(bytes: Buffer, at: number): number {
  return at + headerBytes + bytes.readUInt32LE(at + 8);
}

function next(bytes: Buffer, at: number): number {
  return textAt(bytes, at) + bytes.readUInt32LE(at + 12);
}

function recordAt(bytes: Buffer, at: number): RequestRecord {
  const text = textAt(bytes, at);
  for (let i = 0; i < 8; i++) timeBytes[i] = bytes[at + i] as number;
  return {
    at: time[0] as number,
    app: bytes.toString("latin1", at + headerBytes, text),
    text: bytes.toString("latin1", text, next(bytes, at)),
  };
}
