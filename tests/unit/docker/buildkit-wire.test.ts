import { expect, test } from "vitest";
import { decodeTrace } from "../../../server/docker/buildkit/trace.ts";
import { bytesField, fieldsOf } from "../../../server/docker/buildkit/wire.ts";

const text = (number: number, value: string) => bytesField(number, Buffer.from(value));

test("fields are read in order, whatever their type", () => {
  const long = "x".repeat(300);
  const message = Buffer.concat([
    text(1, "a"),
    Buffer.of(0x20, 0x96, 0x01),
    text(17, long),
    Buffer.of(0x2d, 1, 2, 3, 4),
  ]);
  expect([...fieldsOf(message)].map((f) => [f.number, f.value, f.bytes.toString("latin1")])).toEqual([
    [1, 0, "a"],
    [4, 150, ""],
    [17, 0, long],
    [5, 0, "\x01\x02\x03\x04"],
  ]);
});

test.each([[[0x0a, 5, 1]], [[0x80]], [[0x0b]]])("a message like %j is refused", (bytes) => {
  expect(() => [...fieldsOf(Buffer.from(bytes))]).toThrow(RangeError);
});

test("a trace holds steps with their times, and logs", () => {
  const time = Buffer.concat([Buffer.of(0x08, 2), Buffer.of(0x10, 0x80, 0xca, 0xb5, 0xee, 0x01)]);
  const vertex = Buffer.concat([
    text(1, "d"),
    text(3, "[1/1] RUN x"),
    Buffer.of(0x20, 1),
    bytesField(5, time),
    text(7, "no"),
  ]);
  const log = Buffer.concat([text(1, "d"), bytesField(2, time), text(4, "out\n")]);
  expect(decodeTrace(Buffer.concat([bytesField(1, vertex), bytesField(3, log)]))).toEqual({
    steps: [{ digest: "d", name: "[1/1] RUN x", isCached: true, startedAt: 2500, completedAt: undefined, error: "no" }],
    logs: [{ digest: "d", at: 2500, bytes: Buffer.from("out\n") }],
    warnings: [],
  });
});
