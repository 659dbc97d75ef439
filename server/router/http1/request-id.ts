import { randomUUID } from "node:crypto";

const minLength = 20;
const maxLength = 200;

const idByte = new Uint8Array(256);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-") idByte[char.charCodeAt(0)] = 1;

/** The client's own id when it has Heroku's form, else a new one. */
export function requestId(buf: Buffer, count: number, start: number, end: number): string {
  if (count !== 1 || !isId(buf, start, end)) return randomUUID();
  return buf.toString("latin1", start, end);
}

function isId(buf: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length < minLength || length > maxLength) return false;
  for (let i = start; i < end; i++) if (idByte[buf[i] as number] === 0) return false;
  return true;
}
