import { field, fixedWords, type PackedRecords, wordBytes, wordValues } from "./packed-records.ts";
import { maxValueLength, type RequestOutcome } from "./request-line.ts";
import type { WrittenId } from "./sides.ts";

/** The request, as far as its record tells of it. */
export interface RecordedRequest {
  readonly method: string;
  readonly targetBytes: Uint8Array;
  readonly targetStart: number;
  readonly targetEnd: number;
  readonly host: string;
  readonly id: WrittenId;
  readonly forwardedFor: string;
  readonly protocol: "http" | "https";
  readonly tlsVersion: string | undefined;
}

export interface Batch {
  /** Number of its first record, counted over the buffer's life. */
  readonly first: number;
  readonly packed: PackedRecords;
  /** Lost before it because nobody fetched them, and not told before. */
  readonly dropped: number;
}

const segmentWords = 16 * 1024;
const maxSpare = 4;
/** Further away from the first record of its segment than a word of ms can say: a clock that was set. */
const maxOffsetMs = 2 ** 31 - 1;

/** Records that are handed on as one. */
interface Part {
  readonly count: number;
  /** What it takes in memory, nearly. */
  readonly size: number;
  pack(): PackedRecords;
}

/** As words, one record behind the other: thousands of strings that wait would be carried about by each collection. */
class Segment implements Part {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly texts: string[] = [];
  readonly #places = new Map<string, number>();
  base = 0;
  /** Where the next record begins. */
  end = 0;
  count = 0;
  #textLength = 0;

  constructor(words: Int32Array) {
    this.words = words;
    this.bytes = new Uint8Array(words.buffer);
  }

  get size(): number {
    return this.end * wordBytes + this.#textLength;
  }

  placeOf(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.texts.push(text) - 1;
    this.#places.set(text, place);
    this.#textLength += text.length;
    return place;
  }

  pack(): PackedRecords {
    const words = Buffer.from(this.words.buffer, 0, this.end * wordBytes).toString("base64");
    return { count: this.count, base: this.base, words, texts: this.texts };
  }
}

/** Texts that are nearly always those of the request before. */
const slots = { app: 0, method: 1, host: 2, forwardedFor: 3, dyno: 4, code: 5, tlsVersion: 6, givenId: 7 } as const;

/** Request records until somebody has them. Bounded: the oldest go first, and are counted. */
export class RecordBuffer {
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  #parts: Part[] = [];
  readonly #spare: Int32Array[] = [];
  /** The last part, as long as it is written to. */
  #open: Segment | undefined;
  readonly #lastTexts: string[] = Object.values(slots).map(() => "");
  /** −1: the text before it says nothing. */
  readonly #lastPlaces: number[] = Object.values(slots).map(() => -1);
  #size = 0;
  /** Number of the oldest. */
  #first = 0;
  /** Of the parts that are closed. */
  #bytes = 0;
  #dropped = 0;
  /** How many of the lost the last batch told. */
  #told = 0;

  constructor(maxRecords = 10_000, maxBytes = 8_000_000) {
    this.#maxRecords = maxRecords;
    this.#maxBytes = maxBytes;
  }

  /** @param at ms since the epoch, when it finished */
  add(app: string, at: number, request: RecordedRequest, outcome: RequestOutcome): void {
    const { targetBytes, targetStart } = request;
    // One more than is shown tells that it is cut.
    const length = Math.min(request.targetEnd - targetStart, maxValueLength + 1);
    const size = fixedWords + ((length + 3) >>> 2);
    const segment = this.#segmentFor(size, at);
    const { words, bytes, end } = segment;
    words[end + field.size] = size;
    words[end + field.at] = at - segment.base;
    words[end + field.status] = outcome.status;
    words[end + field.connect] = rounded(outcome.connectMs);
    words[end + field.service] = rounded(outcome.serviceMs);
    const { bytes: sent } = outcome;
    words[end + field.bytesLow] = sent ?? 0;
    words[end + field.bytesHigh] = sent === undefined ? -1 : Math.floor(sent / wordValues);
    words[end + field.isSecure] = request.protocol === "https" ? 1 : 0;
    words[end + field.givenId] = this.#place(segment, slots.givenId, request.id.putWords(words, end + field.id));
    words[end + field.app] = this.#place(segment, slots.app, app);
    words[end + field.method] = this.#place(segment, slots.method, request.method);
    words[end + field.host] = this.#place(segment, slots.host, request.host);
    words[end + field.forwardedFor] = this.#place(segment, slots.forwardedFor, request.forwardedFor);
    words[end + field.dyno] = this.#place(segment, slots.dyno, outcome.dyno);
    words[end + field.code] = this.#place(segment, slots.code, outcome.code);
    words[end + field.tlsVersion] = this.#place(segment, slots.tlsVersion, request.tlsVersion);
    words[end + field.target] = length;
    let to = (end + fixedWords) * wordBytes;
    for (let from = targetStart; from < targetStart + length; from++) bytes[to++] = targetBytes[from] as number;
    segment.end = end + size;
    segment.count += 1;
    this.#size += 1;
    if (this.#size > this.#maxRecords || this.#bytes + segment.size > this.#maxBytes) this.#drop();
  }

  /** What another buffer handed on. */
  take(packed: PackedRecords, dropped: number): void {
    this.#close();
    this.#dropped += dropped;
    const size = packed.words.length + packed.texts.reduce((sum, text) => sum + text.length, 0);
    this.#parts.push({ count: packed.count, size, pack: () => packed });
    this.#size += packed.count;
    this.#bytes += size;
    while (this.#parts.length > 1 && (this.#size > this.#maxRecords || this.#bytes > this.#maxBytes)) this.#drop();
  }

  get size(): number {
    return this.#size;
  }

  /** The oldest. The same again until it is confirmed. */
  peek(): Batch | undefined {
    if (this.#parts[0] === this.#open) this.#close();
    const [oldest] = this.#parts;
    if (oldest === undefined) return undefined;
    this.#told = this.#dropped;
    return { first: this.#first, packed: oldest.pack(), dropped: this.#dropped };
  }

  /** All before the number `upTo` are kept elsewhere. */
  confirm(upTo: number): void {
    this.#dropped -= this.#told;
    this.#told = 0;
    for (let part = this.#parts[0]; part !== undefined && this.#first + part.count <= upTo; part = this.#parts[0])
      this.#shift();
  }

  /** Batch after batch. Each counts as kept elsewhere when the next one is asked for. */
  *drain(): Generator<Batch> {
    for (let batch = this.peek(); batch !== undefined; batch = this.peek()) {
      yield batch;
      this.confirm(batch.first + batch.packed.count);
    }
  }

  #drop(): void {
    this.#dropped += this.#parts[0]?.count ?? 0;
    if (this.#parts[0] === this.#open) this.#close();
    this.#shift();
  }

  #shift(): void {
    const part = this.#parts.shift();
    if (part === undefined) return;
    this.#size -= part.count;
    this.#first += part.count;
    this.#bytes -= part.size;
    // A new one each time would be garbage that lived long, and stays longer.
    const isSpare = part instanceof Segment && part.words.length === segmentWords && this.#spare.length < maxSpare;
    if (isSpare) this.#spare.push(part.words);
  }

  #close(): void {
    this.#bytes += this.#open?.size ?? 0;
    this.#open = undefined;
  }

  #segmentFor(words: number, at: number): Segment {
    const open = this.#open;
    if (open !== undefined && open.end + words <= open.words.length && Math.abs(at - open.base) <= maxOffsetMs)
      return open;
    this.#close();
    const spare = words <= segmentWords ? this.#spare.pop() : undefined;
    const made = new Segment(spare ?? new Int32Array(Math.max(segmentWords, words)));
    made.base = at;
    this.#open = made;
    this.#parts.push(made);
    this.#lastPlaces.fill(-1);
    return made;
  }

  #place(segment: Segment, slot: number, text: string | undefined): number {
    if (text === undefined) return -1;
    const last = this.#lastPlaces[slot] as number;
    if (last !== -1 && text === this.#lastTexts[slot]) return last;
    const place = segment.placeOf(text);
    this.#lastTexts[slot] = text;
    this.#lastPlaces[slot] = place;
    return place;
  }
}

function rounded(ms: number | undefined): number {
  return ms === undefined ? -1 : Math.max(0, Math.round(ms));
}
