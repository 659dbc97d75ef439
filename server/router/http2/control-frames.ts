import { type Code, flags, frameHeadBytes, frameTypes, putFrameHead, putUint32 } from "./codes.ts";
import type { Outbox } from "./outbox.ts";

/** Writes the frames by which a connection itself is run. */
export class ControlFrames {
  readonly #outbox: Outbox;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  settings(values: readonly (readonly [name: number, value: number])[]): void {
    let o = this.#begin(values.length * 6, frameTypes.settings, 0, 0);
    const { buffer } = this.#outbox;
    for (const [name, value] of values) {
      buffer[o] = name >>> 8;
      buffer[o + 1] = name;
      o = putUint32(buffer, o + 2, value);
    }
    this.#outbox.commit(o);
  }

  settingsAck(): void {
    this.#outbox.commit(this.#begin(0, frameTypes.settings, flags.ack, 0));
  }

  /** Eight bytes that stand at `start`. */
  ping(payload: Buffer, start: number, flag: number): void {
    const o = this.#begin(8, frameTypes.ping, flag, 0);
    payload.copy(this.#outbox.buffer, o, start, start + 8);
    this.#outbox.commit(o + 8);
  }

  window(stream: number, increment: number): void {
    const o = this.#begin(4, frameTypes.window, 0, stream);
    this.#outbox.commit(putUint32(this.#outbox.buffer, o, increment));
  }

  reset(stream: number, code: Code): void {
    const o = this.#begin(4, frameTypes.reset, 0, stream);
    this.#outbox.commit(putUint32(this.#outbox.buffer, o, code));
  }

  goaway(lastStream: number, code: Code): void {
    let o = this.#begin(8, frameTypes.goaway, 0, 0);
    o = putUint32(this.#outbox.buffer, o, lastStream);
    this.#outbox.commit(putUint32(this.#outbox.buffer, o, code));
  }

  #begin(length: number, type: number, flag: number, stream: number): number {
    const at = this.#outbox.reserve(frameHeadBytes + length);
    return putFrameHead(this.#outbox.buffer, at, length, type, flag, stream);
  }
}
