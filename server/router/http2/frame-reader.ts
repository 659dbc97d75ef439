import { type Code, codes, flags, frameHeadBytes, frameTypes, maxFrameBytes, uint31At } from "./codes.ts";

/** What is read is lent. */
export interface FrameSink {
  /** A whole frame, whose payload stands from `start` to `end`; never DATA. */
  frame(type: number, flag: number, stream: number, buf: Buffer, start: number, end: number): void;
  /** A DATA frame of `length` bytes, padding included, begins. */
  dataBegins(flag: number, stream: number, length: number): void;
  /** A part of its content. */
  data(buf: Buffer, start: number, end: number): void;
  dataEnds(): void;
  /** What follows cannot be read. */
  broken(code: Code): void;
}

/** Takes the bytes of a connection apart into frames (RFC 9113 §4). DATA is passed on as it comes, others when they are whole. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The beginning of a frame that is not here yet, and how much of it is. */
  #held: Buffer | undefined;
  #heldBytes = 0;
  #isData = false;
  #contentLeft = 0;
  /** −1: the byte that tells it is still to come. */
  #paddingLeft = 0;
  isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  read(buf: Buffer, start: number, end: number): void {
    let p = start;
    while (p < end && !this.isStopped) {
      if (this.#isData) p = this.#data(buf, p, end);
      else if (this.#held !== undefined) p = this.#more(this.#held, buf, p, end);
      else p = this.#frame(buf, p, end);
    }
  }

  #frame(buf: Buffer, start: number, end: number): number {
    if (end - start < frameHeadBytes) return this.#hold(buf, start, end, frameHeadBytes);
    const length = lengthAt(buf, start);
    if (length > maxFrameBytes) return this.#broken(codes.frameSize, end);
    const payload = start + frameHeadBytes;
    if (buf[start + 3] === frameTypes.data) return this.#beginData(buf, start, payload);
    const next = payload + length;
    if (next > end) return this.#hold(buf, start, end, frameHeadBytes + length);
    this.#sink.frame(buf[start + 3] as number, buf[start + 4] as number, uint31At(buf, start + 5), buf, payload, next);
    return next;
  }

  #hold(buf: Buffer, start: number, end: number, room: number): number {
    this.#held = Buffer.allocUnsafeSlow(room);
    this.#heldBytes = buf.copy(this.#held, 0, start, end);
    return end;
  }

  /** First the head of the frame, then the rest. */
  #more(held: Buffer, buf: Buffer, start: number, end: number): number {
    const count = Math.min(end - start, held.length - this.#heldBytes);
    buf.copy(held, this.#heldBytes, start, start + count);
    this.#heldBytes += count;
    if (this.#heldBytes < held.length) return end;
    this.#held = undefined;
    this.#frame(held, 0, held.length);
    return start + count;
  }

  #beginData(buf: Buffer, start: number, payload: number): number {
    const flag = buf[start + 4] as number;
    this.#isData = true;
    this.#contentLeft = lengthAt(buf, start);
    this.#paddingLeft = (flag & flags.padded) === 0 ? 0 : -1;
    this.#sink.dataBegins(flag, uint31At(buf, start + 5), this.#contentLeft);
    if (this.isStopped) return payload;
    if (this.#paddingLeft === -1 && this.#contentLeft === 0) return this.#broken(codes.frameSize, payload);
    if (this.#contentLeft === 0) this.#endData();
    return payload;
  }

  #data(buf: Buffer, start: number, end: number): number {
    let p = start;
    if (this.#paddingLeft === -1) {
      this.#paddingLeft = buf[p] as number;
      p += 1;
      this.#contentLeft -= 1 + this.#paddingLeft;
      if (this.#contentLeft < 0) return this.#broken(codes.protocol, end);
    }
    const content = Math.min(end - p, this.#contentLeft);
    if (content > 0) {
      this.#contentLeft -= content;
      this.#sink.data(buf, p, p + content);
      p += content;
    }
    const padding = Math.min(end - p, this.#paddingLeft);
    this.#paddingLeft -= padding;
    if (this.#contentLeft === 0 && this.#paddingLeft === 0) this.#endData();
    return p + padding;
  }

  #endData(): void {
    this.#isData = false;
    if (!this.isStopped) this.#sink.dataEnds();
  }

  #broken(code: Code, end: number): number {
    this.isStopped = true;
    this.#sink.broken(code);
    return end;
  }
}

function lengthAt(buf: Uint8Array, at: number): number {
  return ((buf[at] as number) << 16) | ((buf[at + 1] as number) << 8) | (buf[at + 2] as number);
}
