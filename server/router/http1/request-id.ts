import { randomFillSync } from "node:crypto";
import { putText } from "./bytes.ts";
import { text } from "./fields.ts";

const minLength = 20;
/** Of any id, in bytes. */
export const maxIdLength = 200;

const idByte = new Uint8Array(256);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-") idByte[char.charCodeAt(0)] = 1;

const hex = Buffer.from("0123456789abcdef", "latin1");
/** Four words make an id; a piece of memory for each would be dear. */
const random = new Int32Array(4 * 128);
let next = random.length;

/** The id of the request under way on a connection: letters and digits, and what needs no quotes anywhere. */
export class RequestId {
  /** The client's own; empty for a random UUID (RFC 9562 §5.4) of the four words. */
  #given = "";
  #first = 0;
  #second = 0;
  #third = 0;
  #fourth = 0;

  /** The client's own, which stands in `buf`, when it has Heroku's form. */
  take(buf: Buffer, start: number, end: number): boolean {
    if (!isId(buf, start, end)) return false;
    this.#given = text(buf, start, end);
    return true;
  }

  renew(): void {
    this.#given = "";
    if (next === random.length) {
      randomFillSync(random);
      next = 0;
    }
    this.#first = random[next] as number;
    this.#second = ((random[next + 1] as number) & ~0xf000) | 0x4000;
    this.#third = ((random[next + 2] as number) & 0x3fffffff) | -0x80000000;
    this.#fourth = random[next + 3] as number;
    next += 4;
  }

  put(out: Uint8Array, at: number): number {
    if (this.#given !== "") return putText(out, at, this.#given);
    putHex(out, at, this.#first, 8);
    putHex(out, at + 9, this.#second >>> 16, 4);
    putHex(out, at + 14, this.#second, 4);
    putHex(out, at + 19, this.#third >>> 16, 4);
    putHex(out, at + 24, this.#third, 4);
    putHex(out, at + 28, this.#fourth, 8);
    for (let dash = at + 8; dash <= at + 23; dash += 5) out[dash] = 45;
    return at + 36;
  }

  putWords(out: Int32Array, at: number): string | undefined {
    if (this.#given !== "") return this.#given;
    out[at] = this.#first;
    out[at + 1] = this.#second;
    out[at + 2] = this.#third;
    out[at + 3] = this.#fourth;
    return undefined;
  }

  toString(): string {
    const out = Buffer.allocUnsafe(maxIdLength);
    return text(out, 0, this.put(out, 0));
  }
}

function putHex(out: Uint8Array, at: number, word: number, digits: number): void {
  for (let i = 0; i < digits; i++) out[at + i] = hex[(word >>> (4 * (digits - 1 - i))) & 15] as number;
}

function isId(buf: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length < minLength || length > maxIdLength) return false;
  for (let i = start; i < end; i++) if (idByte[buf[i] as number] === 0) return false;
  return true;
}
