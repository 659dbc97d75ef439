import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutAtStamps, FrameReader, StampReader, TerminalReader } from "../../../server/docker/frames.ts";

function encode(stream: "o" | "e", bytes: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream === "e" ? 2 : 1;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

function chunks(buffer: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    found.push(buffer.subarray(at, at + size));
    at += size;
  }
  return [...found, buffer.subarray(at)];
}

describe("FrameReader", () => {
  test("gives the same frames however the stream is cut", () => {
    const frame = fc.record({
      stream: fc.constantFrom("o" as const, "e" as const),
      bytes: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 20 })), (frames, sizes) => {
        const wire = Buffer.concat(frames.map((one) => encode(one.stream, one.bytes)));
        const reader = new FrameReader();
        const read = chunks(wire, sizes).flatMap((chunk) => [...reader.push(chunk)]);
        expect(read.map((one) => [one.stream, one.bytes.toString("hex")])).toEqual(
          frames.map((one) => [one.stream, one.bytes.toString("hex")]),
        );
      }),
    );
  });
});

describe("StampReader", () => {
  test("takes the timestamp off, to the nanosecond", () => {
    const bytes = Buffer.from("2023-11-23T23:46:01.123456789Z hello\n");
    const read = new StampReader().read({ stream: "o", bytes });
    expect(read.ns).toBe("1700783161123456789");
    expect(read.bytes.toString()).toBe("hello\n");
  });

  test("a frame without one gets the time of the frame before", () => {
    const stamps = new StampReader();
    stamps.read({ stream: "o", bytes: Buffer.from("2023-11-23T23:46:01.000000005Z a\n") });
    const read = stamps.read({ stream: "o", bytes: Buffer.from("bare\n") });
    expect([read.ns, read.bytes.toString()]).toEqual(["1700783161000000005", "bare\n"]);
  });
});

describe("TerminalReader", () => {
  test("waits for whole lines and gives the rest at the end", () => {
    const reader = new TerminalReader();
    expect(reader.push(Buffer.from("a\r\nb")).map((one) => one.bytes.toString())).toEqual(["a\r\n"]);
    expect(reader.push(Buffer.from("c\n")).map((one) => one.bytes.toString())).toEqual(["bc\n"]);
    reader.push(Buffer.from("tail"));
    expect(reader.end().map((one) => one.bytes.toString())).toEqual(["tail\n"]);
  });

  test("a long line is cut where the engine stamped its pieces", () => {
    const stamp = "2023-11-23T23:46:01.000000005Z ";
    const long = "x".repeat(16 * 1024);
    const bytes = Buffer.from(`${stamp}${long}${stamp}rest\n`);
    const pieces = cutAtStamps({ stream: "o", bytes }).map((one) => one.bytes.toString());
    expect(pieces).toEqual([`${stamp}${long}`, `${stamp}rest\n`]);
  });
});
