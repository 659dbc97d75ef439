import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeRecord,
  encodeCheckpoint,
  encodeRecord,
  nsOf,
  type Positions,
  readPositions,
  type StoredLine,
  toLogLine,
} from "../../../server/logs/record.ts";
import { cleanText } from "../../../server/logs/text.ts";

const origin = fc.record({
  container: fc.stringMatching(/^[0-9a-f]{12}$/),
  stream: fc.constantFrom("o" as const, "e" as const),
  ordinal: fc.integer({ min: 1, max: 1000 }),
  isOpen: fc.boolean(),
});
const line: fc.Arbitrary<StoredLine> = fc.record({
  ns: fc.bigInt({ min: 0n, max: 10n ** 19n - 1n }).map((ns) => String(ns).padStart(19, "0")),
  source: fc.constantFrom("app" as const, "router" as const, "build" as const, "paas" as const),
  process: fc.stringMatching(/^[A-Za-z0-9_.-]{1,20}$/),
  text: fc.string({ unit: "binary" }).map(cleanText),
  origin: fc.option(origin, { nil: undefined }),
});

describe("records", () => {
  test("come back as they were stored, one line each", () => {
    fc.assert(
      fc.property(line, (stored) => {
        const raw = encodeRecord(stored);
        expect(raw.indexOf("\n")).toBe(raw.length - 1);
        expect(decodeRecord(raw.slice(0, -1))).toEqual(stored);
      }),
    );
  });

  test("a torn or foreign line is no record", () => {
    const raw = encodeRecord({ ns: nsOf(1), source: "app", process: "web.1", text: "hello" });
    for (const length of [0, 5, 20, 22, 26]) expect(decodeRecord(raw.slice(0, length))).toBeUndefined();
    expect(decodeRecord('#["abc",{}]')).toBeUndefined();
  });

  test("keep microseconds", () => {
    const at = 1700783161123.457;
    expect(toLogLine({ ns: nsOf(at), source: "app", process: "web.1", text: "" }).at).toBe(at);
  });
});

describe("positions", () => {
  const at = (ns: string, ordinal = 1) => ({ ns: ns.padStart(19, "0"), ordinal, isOpen: false });
  const record = (container: string, stream: "o" | "e", ns: string) =>
    encodeRecord({
      ns: ns.padStart(19, "0"),
      source: "app",
      process: "web.1",
      text: "",
      origin: { container, stream, ordinal: 1, isOpen: false },
    });

  test("are those of the last record of each stream, or of the checkpoint before", () => {
    const before: Positions = new Map([
      ["aaaaaaaaaaaa", { o: at("5", 3), e: at("4") }],
      ["bbbbbbbbbbbb", { o: at("1") }],
    ]);
    const segment = encodeCheckpoint(before) + record("aaaaaaaaaaaa", "o", "7") + record("cccccccccccc", "e", "8");
    expect(readPositions(segment)).toEqual(
      new Map([
        ["aaaaaaaaaaaa", { o: at("7"), e: at("4") }],
        ["bbbbbbbbbbbb", { o: at("1") }],
        ["cccccccccccc", { e: at("8") }],
      ]),
    );
  });

  test("a damaged checkpoint is passed over", () => {
    expect(readPositions(`#{nonsense\n${record("cccccccccccc", "e", "8")}`).size).toBe(1);
  });
});
