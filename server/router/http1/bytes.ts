/** Lower case of the bytes that a token may hold (RFC 9110 §5.6.2), 0 for all others. */
export const token = new Uint8Array(256);
/** The same with `-` for `_`: many applications cannot tell them apart. */
export const folded = new Uint8Array(256);
/** 1 for what a field value may hold: no control characters but TAB. */
export const valueByte = new Uint8Array(256);
/** 1 for what a request target may hold: visible ASCII without `#`. */
export const targetByte = new Uint8Array(256);

for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  const byte = char.charCodeAt(0);
  token[byte] = byte >= 65 && byte <= 90 ? byte | 32 : byte;
  folded[byte] = byte === 95 ? 45 : (token[byte] as number);
}
for (let byte = 0x20; byte < 256; byte++) if (byte !== 0x7f) valueByte[byte] = 1;
valueByte[9] = 1;
for (let byte = 0x21; byte < 0x7f; byte++) if (byte !== 35) targetByte[byte] = 1;

/** Whether `name` (lower case) stands at `at`, in any case. */
export function isName(buf: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (token[buf[at + i] as number] !== name[i]) return false;
  return true;
}

/** As {@link isName}, with `_` taken for `-`. */
export function isFolded(buf: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (folded[buf[at + i] as number] !== name[i]) return false;
  return true;
}

/** Small pieces by hand: a call into native code costs more than the bytes. Answers where the copy ends. */
export function put(out: Uint8Array, at: number, piece: Uint8Array): number {
  const { length } = piece;
  if (length > 128) {
    out.set(piece, at);
    return at + length;
  }
  for (let i = 0; i < length; i++) out[at + i] = piece[i] as number;
  return at + length;
}

/** `text` has to be latin1. */
export function putText(out: Uint8Array, at: number, text: string): number {
  const { length } = text;
  for (let i = 0; i < length; i++) out[at + i] = text.charCodeAt(i);
  return at + length;
}

export function putCrlf(out: Uint8Array, at: number): number {
  out[at] = 13;
  out[at + 1] = 10;
  return at + 2;
}

/** Where the value that ends at `end` ends without trailing blanks. */
export function trimEnd(buf: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && (buf[last - 1] === 32 || buf[last - 1] === 9)) last -= 1;
  return last;
}
