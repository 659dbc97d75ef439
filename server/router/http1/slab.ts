const slabBytes = 160 * 1024;
const maxFree = 8;
/** So many slabs may be kept by readers who are slow; a byte of each is enough to keep it. */
const maxKept = 32;

/** Memory that messages are written into, one behind the other; used again when all of them are out. */
export class Slab {
  readonly buffer: Buffer;
  pending = 0;
  /** It is not written to any more, and somebody's bytes in it are not out. */
  #isKept = false;
  /**
   * One callback for all writes: the stream says when it needs the bytes no more. Not made in the constructor: what is assigned
   * to a property where it is made V8 puts among what lives long, and a slab that is not kept would stay with it.
   */
  readonly released = () => {
    this.pending -= 1;
    if (this.pending > 0 || this === current) return;
    if (this.#isKept) kept -= 1;
    this.#isKept = false;
    if (this.buffer.length === slabBytes && free.length < maxFree) free.push(this);
  };

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafeSlow(size);
  }

  leave(): void {
    this.#isKept = this.pending > 0;
    if (this.#isKept) kept += 1;
  }
}

const free: Slab[] = [];
let kept = 0;
let current = new Slab(slabBytes);

/** Where the next message goes. What is written behind `at` belongs to nobody until {@link lend}. */
export const out = { buffer: current.buffer, at: 0 };

/** A head that was read into the slab before anybody knew where it goes. Good as long as nothing else was written there. */
export class Draft {
  #buffer: Buffer | undefined;
  #start = 0;
  /** Where its fields end. */
  end = 0;

  /** It stands from `start` to `end` in the slab of this moment. */
  keep(start: number, end: number): void {
    this.#buffer = out.buffer;
    this.#start = start;
    this.end = end;
  }

  /** The same place of another slab is another place. */
  standsAt(buffer: Buffer, start: number): boolean {
    return buffer === this.#buffer && start === this.#start;
  }

  drop(): void {
    this.#buffer = undefined;
  }
}

/** A message that stands in the slab and is not sent yet. */
export interface OpenMessage {
  flush(): unknown;
}

let open: OpenMessage | undefined;

/** It stands where the next message would: it is sent before anybody else gets that place. */
export function keepOpen(message: OpenMessage): void {
  open = message;
}

function flushOpen(message: OpenMessage): void {
  open = undefined;
  message.flush();
}

/** Makes room for a message of up to `bytes` and answers where it begins in `out.buffer`. */
export function reserve(bytes: number): number {
  if (open !== undefined) flushOpen(open);
  if (current.pending === 0) out.at = 0;
  if (out.at + bytes > current.buffer.length) {
    current.leave();
    current = bytes > slabBytes ? new Slab(bytes) : (free.pop() ?? new Slab(slabBytes));
    out.buffer = current.buffer;
    out.at = 0;
  } else if (current.buffer.length > slabBytes && current.pending === 0) {
    current = free.pop() ?? new Slab(slabBytes);
    out.buffer = current.buffer;
    out.at = 0;
    return reserve(bytes);
  }
  return out.at;
}

/** Bytes that are left behind `from` in the slab. */
export function roomAfter(from: number): number {
  return out.buffer.length - from;
}

/** The slab up to `end` is somebody's until they release it. */
export function lend(end: number): Slab {
  open = undefined;
  out.at = end;
  current.pending += 1;
  return current;
}

/** So many readers are slow that their bytes have to be copied out of the slabs they stand in. */
export function isCrowded(): boolean {
  return kept >= maxKept;
}
