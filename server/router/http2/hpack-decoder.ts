import { valueByte } from "../http1/bytes.ts";
import { DynamicTable, type Entry, maxTableBytes } from "./dynamic-table.ts";
import { type Kind, kindOf } from "./field-kinds.ts";
import { decodeHuffman } from "./huffman.ts";
import { staticBytes, staticCount, staticEntries } from "./static-table.ts";

/** Takes the fields of a block, each as a line of HTTP/1.1. */
export interface FieldSink {
  /** Needs room behind `at` for a field that is three times as long as its block. */
  readonly buffer: Buffer;
  /** Where the next line is written; the sink moves it behind what it keeps. */
  readonly at: number;
  /** It stands from {@link at} to `end`. */
  take(kind: Kind, isBad: boolean, nameLength: number, end: number): void;
}

/** An integer of more than 28 bits is nobody's. */
const maxShift = 28;
const smallBytes = 64;

/** The decoding half of HPACK (RFC 7541) for one connection. */
export class HpackDecoder {
  readonly #table = new DynamicTable();
  #buf: Buffer = Buffer.alloc(0);
  #p = 0;
  #end = 0;

  /** False when it is broken: the connection cannot go on. */
  decode(buf: Buffer, start: number, end: number, sink: FieldSink): boolean {
    this.#buf = buf;
    this.#p = start;
    this.#end = end;
    let isFirst = true;
    while (this.#p < end) {
      const byte = buf[this.#p] as number;
      if ((byte & 0xe0) === 0x20) {
        const size = this.#integer(31);
        if (!isFirst || size === -1 || size > maxTableBytes) return false;
        this.#table.resize(size);
        continue;
      }
      isFirst = false;
      const isFine = byte >= 128 ? this.#indexed(sink) : this.#literal(sink, byte >= 64);
      if (!isFine) return false;
    }
    return true;
  }

  #indexed(sink: FieldSink): boolean {
    const index = this.#integer(127);
    const entry = this.#entry(index);
    if (entry === undefined) return false;
    const { length } = entry;
    if (sink.at + length > sink.buffer.length) return false;
    const end = copy(this.#bytesOf(index), entry.start, length, sink.buffer, sink.at);
    sink.take(entry.kind, entry.isBad, entry.nameLength, end);
    return true;
  }

  #literal(sink: FieldSink, isKept: boolean): boolean {
    const { buffer, at } = sink;
    const index = this.#integer(isKept ? 63 : 15);
    let kind: Kind;
    let o: number;
    if (index === 0) {
      o = this.#text(buffer, at);
      if (o === -1) return false;
      kind = kindOf(buffer, at, o);
    } else {
      const entry = this.#entry(index);
      if (entry === undefined || at + entry.nameLength > buffer.length) return false;
      o = copy(this.#bytesOf(index), entry.start, entry.nameLength, buffer, at);
      kind = entry.kind;
    }
    const nameLength = o - at;
    buffer[o] = 58;
    buffer[o + 1] = 32;
    const value = o + 2;
    const end = this.#text(buffer, value);
    if (end === -1) return false;
    buffer[end] = 13;
    buffer[end + 1] = 10;
    const isBad = !isValue(buffer, value, end);
    if (isKept) {
      const kept = this.#table.add(buffer, at, nameLength, end + 2);
      if (kept !== undefined) {
        kept.kind = kind;
        kept.isBad = isBad;
      }
    }
    sink.take(kind, isBad, nameLength, end + 2);
    return true;
  }

  #entry(index: number): Entry | undefined {
    return index <= staticCount ? staticEntries[index] : this.#table.get(index - staticCount - 1);
  }

  #bytesOf(index: number): Buffer {
    return index <= staticCount ? staticBytes : this.#table.bytes;
  }

  /** A string (§5.2), written to `out`: answers where it ends there, or −1. */
  #text(out: Buffer, at: number): number {
    if (this.#p >= this.#end) return -1;
    const isCoded = (this.#buf[this.#p] as number) >= 128;
    const length = this.#integer(127);
    const start = this.#p;
    // Twice is more than Huffman's code can make of it, and leaves room for a line's end.
    if (length === -1 || length > this.#end - start || at + 2 * length + 8 > out.length) return -1;
    this.#p += length;
    if (isCoded) return decodeHuffman(this.#buf, start, start + length, out, at);
    return copy(this.#buf, start, length, out, at);
  }

  /** With what the prefix's `mask` has of the first byte (§5.1); −1 when it is cut off or too large. */
  #integer(mask: number): number {
    const buf = this.#buf;
    let value = (buf[this.#p++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift < maxShift && this.#p < this.#end; shift += 7) {
      const byte = buf[this.#p++] as number;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    return -1;
  }
}

function copy(from: Buffer, start: number, length: number, out: Buffer, at: number): number {
  if (length < smallBytes) for (let i = 0; i < length; i++) out[at + i] = from[start + i] as number;
  else from.copy(out, at, start, start + length);
  return at + length;
}

/** RFC 9113 §8.2.1: no control characters, and no blanks around it. */
function isValue(buf: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (valueByte[buf[i] as number] === 0) return false;
  return end === start || !(isBlank(buf[start]) || isBlank(buf[end - 1]));
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}
