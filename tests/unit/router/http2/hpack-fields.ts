import { HpackDecoder, type FieldSink } from "../../../../server/router/http2/hpack-decoder.ts";
import { HpackEncoder, roomForBlock } from "../../../../server/router/http2/hpack-encoder.ts";

export type Fields = readonly (readonly [name: string, value: string])[];

const shared = Buffer.alloc(100_000);

/** Gathers what a decoder finds. */
export class Found implements FieldSink {
  readonly buffer = shared;
  readonly at = 0;
  readonly fields: [string, string][] = [];
  bad = 0;

  take(_kind: number, isBad: boolean, nameLength: number, end: number): void {
    const line = this.buffer.toString("latin1", 0, end - 2);
    this.fields.push([line.slice(0, nameLength), line.slice(nameLength + 2)]);
    if (isBad) this.bad += 1;
  }
}

/** Undefined when the block is broken. */
export function decode(decoder: HpackDecoder, block: Buffer): Fields | undefined {
  const found = new Found();
  return decoder.decode(block, 0, block.length, found) ? found.fields : undefined;
}

/** The block of an answer. */
export function encode(encoder: HpackEncoder, status: number, fields: Fields): Buffer {
  const lines = Buffer.from(fields.map(([name, value]) => `${name}: ${value}\r\n`).join(""), "latin1");
  const out = Buffer.alloc(roomForBlock(lines.length));
  const start = encoder.status(status, out, 0);
  return out.subarray(0, encoder.lines(lines, 0, lines.length, out, start));
}
