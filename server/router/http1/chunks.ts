import { token, valueByte } from "./bytes.ts";

/** Where the scanner of a chunked body is; one per connection. */
export class ChunkState {
  phase: number = phases.size;
  /** Of the chunk's size until its data, then bytes of data that are missing. */
  left = 0;
  digits = 0;
  extension = 0;

  reset(): void {
    this.phase = phases.size;
    this.left = 0;
    this.digits = 0;
    this.extension = 0;
  }

  /** The last chunk has been: what comes next is the trailer section. */
  get isAtTrailers(): boolean {
    return this.phase === phases.trailers;
  }
}

const phases = {
  size: 0,
  moreSize: 1,
  extensionStart: 2,
  extensionName: 3,
  valueStart: 4,
  extensionValue: 5,
  quoted: 6,
  escaped: 7,
  afterQuoted: 8,
  sizeLf: 9,
  data: 10,
  dataCr: 11,
  dataLf: 12,
  trailers: 13,
} as const;

export const broken = -1;
const maxDigits = 12;
const maxExtension = 1_024;

/**
 * Goes through a chunked body (RFC 9112 §7.1) as far as it is here; extensions are checked by their grammar and passed on.
 * Answers the end of what belongs to the chunks: `end`, or where the trailer section begins, or {@link broken}.
 * `onData` gets the ranges of plain data, for who cannot use the chunks as they are.
 */
export function scanChunks(
  state: ChunkState,
  buf: Uint8Array,
  start: number,
  end: number,
  onData?: (start: number, end: number) => void,
): number {
  let p = start;
  let { phase, left } = state;
  while (p < end) {
    if (phase === phases.data) {
      const count = Math.min(end - p, left);
      onData?.(p, p + count);
      p += count;
      left -= count;
      if (left === 0) phase = phases.dataCr;
      continue;
    }
    if (phase === phases.trailers) break;
    const byte = buf[p++] as number;
    if (phase <= phases.moreSize) {
      const digit = hexDigit(byte);
      if (digit >= 0) {
        if (++state.digits > maxDigits) return broken;
        left = left * 16 + digit;
        phase = phases.moreSize;
        continue;
      }
      if (phase === phases.size) return broken;
      phase = afterSize(byte);
      state.extension = 0;
    } else if (phase === phases.sizeLf) {
      if (byte !== 10) return broken;
      phase = left === 0 ? phases.trailers : phases.data;
      state.digits = 0;
    } else if (phase === phases.dataCr) {
      if (byte !== 13) return broken;
      phase = phases.dataLf;
    } else if (phase === phases.dataLf) {
      if (byte !== 10) return broken;
      phase = phases.size;
    } else {
      if (++state.extension > maxExtension) return broken;
      phase = inExtension(phase, byte);
    }
    if (phase === broken) return broken;
  }
  state.phase = phase;
  state.left = left;
  return p;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function afterSize(byte: number): number {
  if (byte === 13) return phases.sizeLf;
  return byte === 59 ? phases.extensionStart : broken;
}

/** `;name`, `;name=value`, `;name="quoted"`; no blanks. */
function inExtension(phase: number, byte: number): number {
  const isToken = token[byte] !== 0;
  switch (phase) {
    case phases.extensionStart:
      return isToken ? phases.extensionName : broken;
    case phases.extensionName:
      if (byte === 61) return phases.valueStart;
      return isToken ? phase : afterSize(byte);
    case phases.valueStart:
      if (byte === 34) return phases.quoted;
      return isToken ? phases.extensionValue : broken;
    case phases.extensionValue:
      return isToken ? phase : afterSize(byte);
    case phases.quoted:
      if (byte === 34) return phases.afterQuoted;
      if (byte === 92) return phases.escaped;
      return valueByte[byte] === 1 ? phase : broken;
    case phases.escaped:
      return valueByte[byte] === 1 ? phases.quoted : broken;
    default:
      return afterSize(byte);
  }
}
