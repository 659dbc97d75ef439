import fc from "fast-check";
import { expect, test } from "vitest";
import { type Piece, unframed } from "../../../server/docker/exec-frames.ts";

function frame(stream: number, text: string): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

async function* cutAt(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of sizes) yield bytes.subarray(at, (at += size));
  yield bytes.subarray(at);
}

test("frames are taken off wherever the chunks are cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string()), fc.array(fc.nat(20)), async (texts, sizes) => {
      const bytes = Buffer.concat(texts.map((text, i) => frame(1 + (i % 2), text)));
      const pieces: Piece[] = [];
      for await (const piece of unframed(cutAt(bytes, sizes))) pieces.push(piece);
      const seen = (all: readonly Piece[]) => Buffer.concat(all.map((p) => p.bytes)).toString();
      expect(seen(pieces)).toBe(Buffer.from(texts.join("")).toString());
      const errors = Buffer.from(texts.filter((_text, i) => i % 2 === 1).join("")).toString();
      expect(seen(pieces.filter((p) => p.from === "stderr"))).toBe(errors);
    }),
  );
});
