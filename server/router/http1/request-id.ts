import { randomFillSync } from "node:crypto";

const minLength = 20;
const maxLength = 200;

const idByte = new Uint8Array(256);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-") idByte[char.charCodeAt(0)] = 1;

/** Whether the bytes have the form of Heroku's ids: letters and digits that need no quotes anywhere. */
export function isId(buf: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length < minLength || length > maxLength) return false;
  for (let i = start; i < end; i++) if (idByte[buf[i] as number] === 0) return false;
  return true;
}

const batchSize = 128;
/** Bytes of a new id. */
export const idLength = 36;
const hex = Buffer.from("0123456789abcdef", "latin1");
const random = Buffer.alloc(16 * batchSize);
/** Ids that are made and not used yet, one behind the other. */
const digits = Buffer.alloc(idLength * batchSize, "-");
let next = batchSize;

/** Writes a random UUID (RFC 9562 §5.4). */
export function putNewId(out: Uint8Array): void {
  if (next === batchSize) {
    makeIds();
    next = 0;
  }
  const start = next * idLength;
  next += 1;
  for (let i = 0; i < idLength; i++) out[i] = digits[start + i] as number;
}

function makeIds(): void {
  randomFillSync(random);
  for (let id = 0; id < batchSize; id++) {
    const from = id * 16;
    random[from + 6] = ((random[from + 6] as number) & 0x0f) | 0x40;
    random[from + 8] = ((random[from + 8] as number) & 0x3f) | 0x80;
    let o = id * idLength;
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) o += 1;
      const byte = random[from + i] as number;
      digits[o] = hex[byte >> 4] as number;
      digits[o + 1] = hex[byte & 15] as number;
      o += 2;
    }
  }
}
