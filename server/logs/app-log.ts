import type { LogLine } from "../core/types.ts";
import {
  advance,
  decodeRecord,
  encodeCheckpoint,
  encodeRecord,
  nsOf,
  type Position,
  type Positions,
  readPositions,
  type StoredLine,
  toLogLine,
} from "./record.ts";
import type { Cursor, Segments } from "./segments.ts";

export interface AppLogTimes {
  /** Lines wait this long for others to be written with them. */
  readonly flushMs: number;
  readonly retryMs: number;
  readonly now: () => number;
}

/** Who can wait is asked to above this, ... */
const highWaterBytes = 1024 * 1024;
/** ... and lines of those who cannot wait are dropped above that. */
const dropBytes = 8 * 1024 * 1024;

interface Pending {
  readonly line: StoredLine;
  readonly raw: string;
}

/** Order of arrival, one writer. What has been written is what readers see. */
export class AppLog {
  readonly #segments: Segments;
  readonly #times: AppLogTimes;
  #opening: Promise<void> | undefined;
  readonly #waiting = new Set<() => void>();
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #dropped = 0;
  #positions: Positions = new Map();
  #durable: Positions = new Map();
  #appended = 0;
  #committed = 0;
  /** Up to this line nobody waits for company. */
  #urgentTo = 0;
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(segments: Segments, times: AppLogTimes) {
    this.#segments = segments;
    this.#times = times;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** For who cannot wait: the line is dropped, and counted, when the disk is slower. The text must be clean. */
  append(line: StoredLine): void {
    if (this.#pendingBytes > dropBytes) this.#dropped++;
    else this.keep(line);
  }

  /** For who waits for `ready` first. */
  keep(line: StoredLine): void {
    if (this.#isClosed) return;
    const raw = encodeRecord(line);
    this.#pending.push({ line, raw });
    this.#pendingBytes += raw.length;
    this.#appended++;
    advance(this.#positions, line);
    this.#startWriting();
  }

  async ready(signal: AbortSignal): Promise<void> {
    while (this.#pendingBytes > highWaterBytes && !this.#isClosed && !signal.aborted) await this.#change(signal);
  }

  /** Resolves when everything so far is written; rejects with the signal. */
  async flush(signal: AbortSignal): Promise<void> {
    const target = this.#appended;
    this.#urgentTo = target;
    this.#wake();
    while (this.#committed < target && !this.#isClosed) {
      signal.throwIfAborted();
      await this.#change(signal);
    }
  }

  async position(container: string): Promise<Position> {
    await this.#opened();
    return { ...this.#positions.get(container) };
  }

  /** Drops the positions of containers that are gone. */
  async retain(isAlive: (container: string) => boolean): Promise<void> {
    await this.#opened();
    for (const map of [this.#positions, this.#durable]) {
      for (const container of map.keys()) if (!isAlive(container)) map.delete(container);
    }
  }

  /** The last lines that match, oldest first, and where reading goes on from. */
  async recent(
    count: number,
    isWanted: (line: StoredLine) => boolean,
    signal: AbortSignal,
  ): Promise<{ readonly lines: readonly LogLine[]; readonly end: Cursor }> {
    await this.#opened();
    // A disk that is full must not hide what is on it.
    await this.flush(AbortSignal.any([signal, AbortSignal.timeout(2_000)])).catch(() => undefined);
    const { end } = this.#segments;
    const lines: LogLine[] = [];
    if (count <= 0) return { lines, end };
    for await (const raw of this.#segments.backwards(end)) {
      const line = decodeRecord(raw);
      if (line && isWanted(line)) lines.push(toLogLine(line));
      if (lines.length >= count) break;
    }
    return { lines: lines.reverse(), end };
  }

  /** Everything from the cursor on as it is written, until the signal or the end of the log. */
  async *follow(from: Cursor, isWanted: (line: StoredLine) => boolean, signal: AbortSignal): AsyncGenerator<LogLine> {
    let cursor = from;
    while (!signal.aborted && !this.#isClosed) {
      if (cursor.segment > 0 && cursor.segment < this.#segments.oldest) {
        yield this.#notice("Lines left out: they were dropped before this reader took them");
        cursor = { segment: this.#segments.oldest, offset: 0 };
      }
      if (this.#segments.isEnd(cursor)) {
        await this.#change(signal);
        continue;
      }
      const block = await this.#segments.forwards(cursor);
      cursor = block.next;
      for (const raw of block.lines) {
        const line = decodeRecord(raw);
        if (signal.aborted) return;
        if (line && isWanted(line)) yield toLogLine(line);
      }
    }
  }

  async close(): Promise<void> {
    await this.#opened().catch(() => undefined);
    // A disk that does not take it must not keep the daemon from ending.
    await this.flush(AbortSignal.timeout(5_000)).catch(() => undefined);
    this.#isClosed = true;
    this.#wake();
    await this.#writing;
  }

  async remove(): Promise<void> {
    this.#isClosed = true;
    this.#pending = [];
    this.#wake();
    await this.#writing;
    await this.#segments.remove();
  }

  /** Once; tried again when it failed. */
  #opened(): Promise<void> {
    this.#opening ??= this.#open().catch((err: unknown) => {
      this.#opening = undefined;
      throw err;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const tail = await this.#segments.open();
    this.#durable = readPositions(tail);
    // Lines that came before the files were read are newer.
    const before = [...this.#durable].map(([container, position]) => [container, { ...position }] as const);
    this.#positions = new Map([...before, ...this.#positions]);
  }

  #startWriting(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#write();
  }

  async #write(): Promise<void> {
    await this.#pauseForCompany();
    while (this.#pending.length > 0 && !this.#isClosed) {
      const batch = takeBatch(this.#pending, this.#segments.maxBatchBytes);
      try {
        await this.#opened();
        await this.#commit(batch);
      } catch {
        this.#pending = [...batch, ...this.#pending];
        await this.#pause(this.#times.retryMs, () => this.#isClosed);
        continue;
      }
      this.#wake();
      this.#tellDropped();
      if (this.#pending.length > 0 && this.#pendingBytes < this.#segments.maxBatchBytes) await this.#pauseForCompany();
    }
    this.#isWriting = false;
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const text = batch.map((entry) => entry.raw).join("");
    const buffer = Buffer.from(text);
    if (this.#segments.needsNew(buffer.length)) await this.#segments.begin(encodeCheckpoint(this.#durable));
    await this.#segments.write(buffer);
    for (const { line } of batch) advance(this.#durable, line);
    this.#pendingBytes -= text.length;
    this.#committed += batch.length;
  }

  #tellDropped(): void {
    if (this.#dropped === 0 || this.#pendingBytes > highWaterBytes) return;
    const count = this.#dropped;
    this.#dropped = 0;
    this.keep(this.#stored(`${count} lines dropped: the disk was slower than they came`));
  }

  #notice(text: string): LogLine {
    return toLogLine(this.#stored(text));
  }

  #stored(text: string): StoredLine {
    return { ns: nsOf(this.#times.now()), source: "paas", process: "logs", text };
  }

  #pauseForCompany(): Promise<void> {
    return this.#pause(this.#times.flushMs, () => this.#isClosed || this.#committed < this.#urgentTo);
  }

  /** Waits, but no longer than until it is over for another reason. */
  async #pause(ms: number, isOver: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(ms);
    while (!deadline.aborted && !isOver()) await this.#change(deadline);
  }

  #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = () => {
      this.#waiting.delete(done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    this.#waiting.add(done);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
    return promise;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** From the front, a batch at most. */
function takeBatch(pending: Pending[], maxBytes: number): readonly Pending[] {
  let bytes = 0;
  let count = 0;
  while (count < pending.length && bytes < maxBytes) bytes += pending[count++]?.raw.length ?? 0;
  return pending.splice(0, count);
}
