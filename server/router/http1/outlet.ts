import type { Socket } from "node:net";
import { afterTurn, type TurnTask } from "../turn.ts";
import { isCrowded, keepOpen, lend, out, reserve, roomAfter, type Slab } from "./slab.ts";

/** More is worth a write of its own at once. */
const smallBytes = 8_192;
/** Fewer are copied one by one. */
const fewBytes = 64;
const nothing = Buffer.alloc(0);

/**
 * The way out of one connection. A message is put together in the slab; when it is whole it waits for the end of the turn
 * of the event loop, and all of the turn go out one behind the other: who they are for is woken once, and the machine's
 * caches hold what reading takes, and then what writing takes, instead of both in turns.
 */
export class Outlet implements TurnTask {
  readonly #socket: Socket;
  readonly #isPlain: boolean;
  /** What is put together. */
  #start = -1;
  #end = 0;
  /** What is whole and waits, in its slab. */
  #slab: Slab | undefined;
  #from = 0;
  #to = 0;
  isQueued = false;
  #isClosing = false;
  /** The reader is slow: no more until {@link drained}. */
  isFull = false;

  constructor(socket: Socket, isPlain: boolean) {
    this.#socket = socket;
    this.#isPlain = isPlain;
  }

  /** Bytes that the kernel has not taken. */
  get unsent(): number {
    return this.#socket.writableLength + (this.#slab === undefined ? 0 : this.#to - this.#from);
  }

  /** All that was said is with the kernel. */
  get isClear(): boolean {
    return this.#start === -1 && this.unsent === 0;
  }

  /** It stands in the slab from `start` to `end` so far. */
  open(start: number, end: number): void {
    keepOpen(this);
    this.#start = start;
    this.#end = end;
  }

  /** Whether so much more fits behind what is open. */
  fits(count: number): boolean {
    return this.#start !== -1 && count <= roomAfter(this.#end);
  }

  /** Puts more to the message, or begins one. */
  add(from: Buffer, start: number, end: number): void {
    const count = end - start;
    if (this.#start !== -1 && count > roomAfter(this.#end)) this.flush();
    if (this.#start === -1) {
      const at = reserve(count + fewBytes);
      this.open(at, at);
    }
    // A call into native code costs more than a few bytes.
    if (count < fewBytes) for (let i = 0; i < count; i++) out.buffer[this.#end + i] = from[start + i] as number;
    else from.copy(out.buffer, this.#end, start, end);
    this.#end += count;
  }

  /** The message is whole. */
  flush(): void {
    if (this.#start === -1) return;
    const start = this.#start;
    this.#start = -1;
    const slab = lend(this.#end);
    this.#sendWaiting();
    if (this.#end - start > smallBytes) {
      this.#write(slab, start, this.#end);
      return;
    }
    this.#slab = slab;
    this.#from = start;
    this.#to = this.#end;
    afterTurn(this);
  }

  turnOver(): void {
    this.#sendWaiting();
    if (this.#isClosing) this.#close();
  }

  /** Bytes of the caller's, behind all that was said before. */
  write(bytes: Buffer): void {
    this.sendNow();
    if (!this.#socket.write(bytes) && !isTaking(this.#socket)) this.isFull = true;
  }

  /** No more will be said. */
  end(): void {
    this.sendNow();
    this.#socket.end();
  }

  /** Ends the connection when all is out. */
  close(): void {
    if (this.#slab === undefined) this.#close();
    else this.#isClosing = true;
  }

  #close(): void {
    const socket = this.#socket;
    // Where the kernel has all, its close says the same as a shutdown before it would; TLS has a farewell of its own.
    // Not before the stream has told of its last write: it would make an error for nobody.
    if (this.#isPlain && socket.writableLength === 0) process.nextTick(() => socket.destroy());
    else socket.destroySoon();
  }

  /** What was said goes out now. */
  sendNow(): void {
    this.flush();
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    const slab = this.#slab;
    if (slab === undefined) return;
    this.#slab = undefined;
    this.#write(slab, this.#from, this.#to);
  }

  /** The reader has room again; true when that is news. */
  drained(): boolean {
    if (!this.isFull || !isTaking(this.#socket)) return false;
    this.isFull = false;
    return true;
  }

  /** What is not sent yet is not sent any more. */
  drop(): void {
    this.#start = -1;
    this.#isClosing = false;
    this.#slab?.released();
    this.#slab = undefined;
  }

  /**
   * Behind bytes that wait already it would keep the whole slab, and with it its neighbours, from being used again: then
   * it is copied, and so is everything while too many slabs are kept.
   */
  #write(slab: Slab, start: number, end: number): void {
    const socket = this.#socket;
    const bytes = slab.buffer.subarray(start, end);
    if (socket.writableLength > 0 || isCrowded()) {
      socket.write(Buffer.from(bytes));
      slab.released();
    } else if (!this.#isPlain) {
      if (socket.write(bytes, slab.released)) return;
    } else {
      socket.write(bytes);
      // Nearly always the kernel takes all at once: then there is nothing to be told of.
      if (socket.writableLength === 0) {
        slab.released();
        return;
      }
      // What stands behind it in the queue is done when it is done.
      socket.write(nothing, slab.released);
    }
    if (!isTaking(socket)) this.isFull = true;
  }
}

/** A write that the kernel took at once counts for nothing, whatever its size. */
function isTaking(socket: Socket): boolean {
  return socket.writableLength === 0 || !socket.writableNeedDrain;
}
