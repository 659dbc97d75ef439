import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineAssembler, type LogFrame, sinceOf } from "../../../server/logs/assemble.ts";

const ns = (value: number) => String(value).padStart(19, "0");
const frame = (at: number, stream: "o" | "e", text: string): LogFrame => ({
  ns: ns(at),
  stream,
  bytes: Buffer.from(text),
});
const texts = (assembler: LineAssembler, frames: readonly LogFrame[]) =>
  frames.flatMap((one) => assembler.take(one)).map((line) => `${line.stream}:${line.text}`);

describe("LineAssembler", () => {
  test("makes clean lines, empty ones too, without CR and with bad UTF-8 replaced", () => {
    const assembler = new LineAssembler({});
    const bad: LogFrame = { ns: ns(3), stream: "o", bytes: Buffer.from([0x61, 0xff, 0x62, 0x0a]) };
    const frames = [frame(1, "o", "one\r\n"), frame(2, "e", "\n"), bad];
    expect(texts(assembler, frames)).toEqual(["o:one", "e:", "o:a\ufffdb"]);
  });

  test("a character that the engine's cut splits stays whole, and a cut right before the line end adds no line", () => {
    const euro = Buffer.from("€");
    const frames: LogFrame[] = [
      { ns: ns(1), stream: "o", bytes: Buffer.concat([Buffer.from("a"), euro.subarray(0, 1)]) },
      { ns: ns(1), stream: "o", bytes: euro.subarray(1) },
      { ns: ns(1), stream: "o", bytes: Buffer.from("\n") },
      { ns: ns(2), stream: "o", bytes: Buffer.from("b\n") },
    ];
    expect(texts(new LineAssembler({}), frames)).toEqual(["o:a", "o:€", "o:b"]);
  });

  test("goes on anywhere without losing or repeating a line", () => {
    const step = fc.record({
      stream: fc.constantFrom("o" as const, "e" as const),
      later: fc.integer({ min: 0, max: 2 }),
      length: fc.constantFrom(0, 3, 10_001, 25_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(), (steps, cutSeed) => {
        const clocks = { o: 1, e: 1 };
        const frames = steps.map(({ stream, later, length }, i) => {
          clocks[stream] += later;
          return frame(clocks[stream], stream, `${i}${"x".repeat(length)}\n`);
        });
        const whole = texts(new LineAssembler({}), frames);

        const cut = whole.length === 0 ? 0 : cutSeed % (whole.length + 1);
        const first = new LineAssembler({});
        const taken: string[] = [];
        for (const one of frames) if (taken.length < cut) taken.push(...texts(first, [one]));
        const second = new LineAssembler(first.position);
        const since = second.since() ?? "";
        const rest = texts(
          second,
          frames.filter((one) => one.ns >= since),
        );
        expect([...taken, ...rest].sort()).toEqual([...whole].sort());
      }),
    );
  });

  test("the same assembler rewinds to where it was", () => {
    const assembler = new LineAssembler({});
    const frames = [frame(1, "o", "a\n"), frame(1, "o", "b\n"), frame(1, "o", "c\n")];
    expect(texts(assembler, frames.slice(0, 2))).toEqual(["o:a", "o:b"]);
    assembler.rewind();
    expect(texts(assembler, frames)).toEqual(["o:c"]);
    assembler.rewind();
    expect(texts(assembler, frames)).toEqual([]);
  });
});

describe("sinceOf", () => {
  const second = 1_000_000_000;
  const place = (at: number, isOpen = false) => ({ ns: ns(at), ordinal: 1, isOpen });

  test("is the very start while nothing was taken", () => {
    expect(sinceOf({})).toBeUndefined();
  });

  test("allows for one stream being late", () => {
    expect(sinceOf({ o: place(10 * second), e: place(9 * second) })).toBe(ns(8 * second));
  });

  test("reaches back to a long line that has not ended", () => {
    expect(sinceOf({ o: place(3 * second, true), e: place(90 * second) })).toBe(ns(3 * second));
  });
});
