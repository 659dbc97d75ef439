import { mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";

/** A place in an app's log. */
export interface Cursor {
  readonly segment: number;
  readonly offset: number;
}

export interface SegmentLimits {
  readonly segmentBytes: number;
  readonly segments: number;
}

interface Segment {
  readonly number: number;
  readonly sizeBytes: number;
}

const blockBytes = 64 * 1024;
const namePattern = /^(\d{8})\.log$/;

/** The files of one app's log: appended at the end, dropped whole at the start. */
export class Segments {
  readonly #dir: string;
  readonly #limits: SegmentLimits;
  #list: readonly Segment[] = [];

  constructor(dir: string, limits: SegmentLimits) {
    this.#dir = dir;
    this.#limits = limits;
  }

  /** Answers what the last segment holds. A line that a crash tore is cut off. */
  async open(): Promise<string> {
    await mkdir(this.#dir, { recursive: true });
    const numbers = (await readdir(this.#dir))
      .map((name) => Number(namePattern.exec(name)?.[1]))
      .filter(Number.isFinite);
    numbers.sort((a, b) => a - b);
    this.#list = await Promise.all(
      numbers.map(async (number) => ({ number, sizeBytes: (await stat(this.#file(number))).size })),
    );
    const last = numbers.at(-1);
    if (last === undefined) return "";
    const content = await readFile(this.#file(last));
    const whole = content.subarray(0, content.lastIndexOf(10) + 1);
    if (whole.length < content.length) await truncate(this.#file(last), whole.length);
    this.#setSize(last, whole.length);
    return whole.toString("utf8");
  }

  get end(): Cursor {
    const last = this.#list.at(-1);
    return { segment: last?.number ?? 0, offset: last?.sizeBytes ?? 0 };
  }

  get oldest(): number {
    return this.#list[0]?.number ?? 0;
  }

  /** True when the batch must go to a new segment, whose head the caller supplies. */
  needsNew(batchBytes: number): boolean {
    const last = this.#list.at(-1);
    return last === undefined || last.sizeBytes + batchBytes > this.#limits.segmentBytes;
  }

  async begin(head: string): Promise<void> {
    const number = this.end.segment + 1;
    await writeFile(this.#file(number), head);
    this.#list = [...this.#list, { number, sizeBytes: Buffer.byteLength(head) }];
    while (this.#list.length > this.#limits.segments) {
      await rm(this.#file(this.oldest), { force: true });
      this.#list = this.#list.slice(1);
    }
  }

  /** All of it or nothing, unless the process dies. */
  async write(batch: Buffer): Promise<void> {
    const { segment, offset } = this.end;
    const file = await open(this.#file(segment), "a");
    try {
      // What a failed write left of itself.
      if ((await file.stat()).size > offset) await file.truncate(offset);
      await file.appendFile(batch);
    } finally {
      await file.close();
    }
    this.#setSize(segment, offset + batch.length);
  }

  /** What is written at once stays well below a segment. */
  get maxBatchBytes(): number {
    return this.#limits.segmentBytes / 4;
  }

  isEnd(cursor: Cursor): boolean {
    return cursor.segment === this.end.segment && cursor.offset >= this.end.offset;
  }

  /** Raw lines before the cursor, last one first. Ends early where segments have been dropped. */
  async *backwards(from: Cursor): AsyncGenerator<string> {
    let before = from.offset;
    for (let number = from.segment; number >= this.oldest && number > 0; number--) {
      const size = number === from.segment ? before : this.#sizeOf(number);
      yield* linesBackwards(this.#file(number), size);
      before = 0;
    }
  }

  /** Whole lines from the cursor on, at most a block of them. */
  async forwards(from: Cursor): Promise<{ readonly lines: readonly string[]; readonly next: Cursor }> {
    const length = Math.min(this.#sizeOf(from.segment) - from.offset, blockBytes);
    const block = length > 0 ? await readAt(this.#file(from.segment), from.offset, length) : Buffer.alloc(0);
    const whole = block.lastIndexOf(10) + 1;
    // Read to its end, or dropped meanwhile.
    if (whole === 0) return { lines: [], next: { segment: from.segment + 1, offset: 0 } };
    const lines = block.toString("utf8", 0, whole - 1).split("\n");
    return { lines, next: { segment: from.segment, offset: from.offset + whole } };
  }

  async remove(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }

  #file(number: number): string {
    return path.join(this.#dir, `${String(number).padStart(8, "0")}.log`);
  }

  #setSize(number: number, sizeBytes: number): void {
    this.#list = this.#list.map((segment) => (segment.number === number ? { number, sizeBytes } : segment));
  }

  #sizeOf(number: number): number {
    return this.#list.find((segment) => segment.number === number)?.sizeBytes ?? 0;
  }
}

async function readAt(file: string, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  try {
    const handle = await open(file, "r");
    try {
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return Buffer.alloc(0);
    throw err;
  }
}

async function* linesBackwards(file: string, size: number): AsyncGenerator<string> {
  let end = size;
  // The start of a line whose rest has been read already.
  let rest = Buffer.alloc(0);
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const block = await readAt(file, start, end - start);
    if (block.length < end - start) return;
    const buffer = Buffer.concat([block, rest]);
    const whole = start === 0 ? 0 : buffer.indexOf(10) + 1;
    const isCut = start > 0 && whole === 0;
    const lines = isCut ? [] : buffer.toString("utf8", whole).split("\n");
    for (const line of lines.reverse()) if (line !== "") yield line;
    rest = Buffer.from(isCut ? buffer : buffer.subarray(0, whole));
    end = start;
  }
}
