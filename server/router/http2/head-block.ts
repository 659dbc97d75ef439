import { Pending } from "../http1/pending.ts";

/** In more pieces than this a head is not because it is long. */
const maxFrames = 64;

/** A head that comes in several frames. */
export class HeadBlock {
  readonly stream: number;
  readonly flag: number;
  readonly isOwnParent: boolean;
  readonly #bytes = new Pending();
  #frames = 0;

  constructor(stream: number, flag: number, isOwnParent: boolean) {
    this.stream = stream;
    this.flag = flag;
    this.isOwnParent = isOwnParent;
  }

  add(buf: Buffer, start: number, end: number): void {
    this.#frames += 1;
    this.#bytes.add(buf, start, end);
  }

  isTooMuch(maxBytes: number): boolean {
    return this.#frames > maxFrames || this.#bytes.length > maxBytes;
  }

  take(): Buffer {
    return this.#bytes.take();
  }
}
