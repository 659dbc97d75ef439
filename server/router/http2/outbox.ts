import type { Socket } from "node:net";
import { afterTurn, type TurnTask } from "../turn.ts";

/** Two records of TLS. */
const chunkBytes = 32_768;
const maxFree = 32;
/** Behind bytes that wait, less than this is copied out of its chunk, which would wait with it. */
const smallBytes = 4_096;
/** So much may wait for a reader before the bodies of answers do. */
const maxWaiting = 131_072;

/** Memory that one connection's frames are gathered in; used again when they are out. */
class Chunk {
  readonly buffer: Buffer;
  /** Not made in the constructor, as that of a slab is not. */
  readonly released = () => {
    if (this.buffer.length === chunkBytes && free.length < maxFree) free.push(this);
  };

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafeSlow(size);
  }
}

const free: Chunk[] = [];
const none = Buffer.alloc(0);

/**
 * Gathers what goes out on one connection until the end of the turn: what all instances said in it leaves in one write.
 */
export class Outbox implements TurnTask {
  readonly #socket: Socket;
  #chunk: Chunk | undefined;
  isQueued = false;
  buffer: Buffer = none;
  #at = 0;
  /** Another number for each write: what was written under an older one is out. */
  serial = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes that the reader has not taken. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  /** False when the reader is slow: `drain` follows. */
  get isTaking(): boolean {
    return this.#socket.writableLength < maxWaiting;
  }

  /** What fits behind what is gathered without a write. */
  get room(): number {
    return this.#chunk === undefined ? chunkBytes : this.buffer.length - this.#at;
  }

  /** Makes room and answers where the next bytes go in {@link buffer}. */
  reserve(bytes: number): number {
    if (bytes > this.room) this.send();
    if (this.#chunk === undefined) {
      this.#chunk = bytes > chunkBytes ? new Chunk(bytes) : (free.pop() ?? new Chunk(chunkBytes));
      this.buffer = this.#chunk.buffer;
      this.#at = 0;
    }
    return this.#at;
  }

  /** They end here. */
  commit(end: number): void {
    this.#at = end;
    afterTurn(this);
  }

  turnOver(): void {
    this.send();
  }

  send(): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    this.#chunk = undefined;
    this.serial += 1;
    const bytes = chunk.buffer.subarray(0, this.#at);
    if (this.#at === 0 || this.#socket.destroyed) chunk.released();
    else if (this.#at < smallBytes && this.#socket.writableLength > 0) {
      this.#socket.write(Buffer.from(bytes));
      chunk.released();
    } else this.#socket.write(bytes, chunk.released);
  }
}
