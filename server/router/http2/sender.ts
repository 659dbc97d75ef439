import type { AnswerStart } from "../sides.ts";
import { defaultWindow, flags, frameHeadBytes, frameTypes, maxFrameBytes, maxWindow, putFrameHead } from "./codes.ts";
import type { FloodGuard } from "./flood-guard.ts";
import { HpackEncoder, roomForBlock } from "./hpack-encoder.ts";
import type { Outbox } from "./outbox.ts";

/** Less room than this is not worth a frame of its own. */
const minPart = 2_048;

/** A stream as the sending side of its connection sees it. */
export interface SendingStream {
  readonly id: number;
  /** Bytes that the client takes on this stream. */
  sendWindow: number;
  /** Where the flags of its last frame stand in the outbox, and under which {@link Outbox.serial}. */
  flagAt: number;
  flagSerial: number;
  /** It is in the queue of those that wait for window or socket. */
  isWaiting: boolean;
  /** Sends one frame of what waits; answers whether more does. */
  sendNext(): boolean;
  /** Nothing waits any more. */
  drained(): void;
}

/** Puts answers into frames, within the client's windows, fair between its streams. */
export class Sender {
  readonly encoder = new HpackEncoder();
  readonly #outbox: Outbox;
  readonly #guard: FloodGuard;
  #window = defaultWindow;
  #waiting: SendingStream[] = [];

  constructor(outbox: Outbox, guard: FloodGuard) {
    this.#outbox = outbox;
    this.#guard = guard;
  }

  head(
    one: SendingStream,
    { status, fieldsStart }: AnswerStart,
    buffer: Buffer,
    fieldsEnd: number,
    isEnd: boolean,
  ): void {
    const outbox = this.#outbox;
    const at = outbox.reserve(frameHeadBytes + roomForBlock(fieldsEnd - fieldsStart));
    const block = at + frameHeadBytes;
    let o = this.encoder.status(status, outbox.buffer, block);
    o = this.encoder.lines(buffer, fieldsStart, fieldsEnd, outbox.buffer, o);
    this.#block(one, block, o, isEnd);
  }

  /** Ends the stream with field lines. */
  trailers(one: SendingStream, lines: string): void {
    const bytes = Buffer.from(lines, "latin1");
    const outbox = this.#outbox;
    const at = outbox.reserve(frameHeadBytes + roomForBlock(bytes.length));
    const block = at + frameHeadBytes;
    let o = this.encoder.begin(outbox.buffer, block);
    o = this.encoder.lines(bytes, 0, bytes.length, outbox.buffer, o);
    this.#block(one, block, o, true);
  }

  /** What was encoded behind the place for a frame's head. */
  #block(one: SendingStream, start: number, end: number, isEnd: boolean): void {
    const outbox = this.#outbox;
    const flag = isEnd ? flags.endStream : 0;
    const length = end - start;
    if (length <= maxFrameBytes) {
      this.#frameHead(one, start - frameHeadBytes, length, frameTypes.headers, flag | flags.endHeaders);
      outbox.commit(end);
      return;
    }
    const block = Buffer.from(outbox.buffer.subarray(start, end));
    for (let p = 0; p < length; p += maxFrameBytes) {
      const part = Math.min(maxFrameBytes, length - p);
      const isLast = p + part === length ? flags.endHeaders : 0;
      const at = outbox.reserve(frameHeadBytes + part);
      if (p === 0) this.#frameHead(one, at, part, frameTypes.headers, flag | isLast);
      else putFrameHead(outbox.buffer, at, part, frameTypes.continuation, isLast, one.id);
      block.copy(outbox.buffer, at + frameHeadBytes, p, p + part);
      outbox.commit(at + frameHeadBytes + part);
    }
  }

  /** Answers how far it came. */
  data(one: SendingStream, from: Buffer, start: number, end: number): number {
    let p = start;
    while (p < end) {
      const next = this.frame(one, from, p, end);
      if (next === p) return p;
      p = next;
    }
    return p;
  }

  /** One frame of it, or none; answers how far it came. */
  frame(one: SendingStream, from: Buffer, start: number, end: number): number {
    const outbox = this.#outbox;
    const allowed = Math.min(end - start, maxFrameBytes, this.#window, one.sendWindow);
    if (allowed <= 0 || !outbox.isTaking) return start;
    const isShort = outbox.room < frameHeadBytes + Math.min(allowed, minPart);
    const at = outbox.reserve(frameHeadBytes + (isShort ? allowed : 0));
    const count = Math.min(allowed, outbox.room - frameHeadBytes);
    this.#frameHead(one, at, count, frameTypes.data, 0);
    from.copy(outbox.buffer, at + frameHeadBytes, start, start + count);
    outbox.commit(at + frameHeadBytes + count);
    this.#window -= count;
    one.sendWindow -= count;
    this.#guard.useful(count);
    return start + count;
  }

  /** Ends the stream: by its last frame, where that is not out yet. */
  end(one: SendingStream): void {
    const outbox = this.#outbox;
    if (one.flagSerial === outbox.serial && one.flagAt !== -1) {
      outbox.buffer[one.flagAt] = (outbox.buffer[one.flagAt] as number) | flags.endStream;
      return;
    }
    const at = outbox.reserve(frameHeadBytes);
    outbox.commit(putFrameHead(outbox.buffer, at, 0, frameTypes.data, flags.endStream, one.id));
  }

  /** It sends when it can. */
  wait(one: SendingStream): void {
    if (one.isWaiting) return;
    one.isWaiting = true;
    this.#waiting.push(one);
  }

  /** It is over. */
  forget(one: SendingStream): void {
    if (!one.isWaiting) return;
    one.isWaiting = false;
    this.#waiting = this.#waiting.filter((other) => other !== one);
  }

  /** A frame of each stream in turn, as long as windows and socket take any. */
  pump(): void {
    let stuck = 0;
    while (stuck < this.#waiting.length && this.#window > 0 && this.#outbox.isTaking) {
      const one = this.#waiting.shift() as SendingStream;
      if (one.sendWindow <= 0) {
        this.#waiting.push(one);
        stuck += 1;
        continue;
      }
      stuck = 0;
      if (one.sendNext()) this.#waiting.push(one);
      else {
        one.isWaiting = false;
        one.drained();
      }
    }
  }

  /** False when the client has opened its window too far. */
  open(increment: number): boolean {
    this.#window += increment;
    return this.#window <= maxWindow;
  }

  #frameHead(one: SendingStream, at: number, length: number, type: number, flag: number): void {
    putFrameHead(this.#outbox.buffer, at, length, type, flag, one.id);
    one.flagAt = at + 4;
    one.flagSerial = this.#outbox.serial;
  }
}
