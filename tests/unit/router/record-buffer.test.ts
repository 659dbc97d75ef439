import { expect, test } from "vitest";
import { RecordBuffer } from "../../../server/router/record-buffer.ts";

const record = (text: string) => ({ at: 0, app: "shop", text });
const texts = (buffer: RecordBuffer, most = 1_000) => buffer.peek(most)?.records.map((one) => one.text);

test("records come in order, and again until they are confirmed", () => {
  const buffer = new RecordBuffer();
  for (const text of ["a", "b", "c"]) buffer.push(record(text));
  expect(texts(buffer, 2)).toEqual(["a", "b"]);
  expect(texts(buffer, 2)).toEqual(["a", "b"]);
  buffer.confirm(2);
  expect(buffer.peek(2)).toEqual({ first: 2, records: [record("c")], dropped: 0 });
  buffer.confirm(3);
  expect(buffer.peek(2)).toBeUndefined();
});

test("a late confirmation takes nothing twice", () => {
  const buffer = new RecordBuffer();
  for (const text of ["a", "b", "c"]) buffer.push(record(text));
  buffer.confirm(2);
  buffer.confirm(1);
  expect(texts(buffer)).toEqual(["c"]);
});

test("when nobody comes the newest are kept and the lost are counted", () => {
  const buffer = new RecordBuffer(100);
  for (let i = 0; i < 1_000; i++) buffer.push(record(String(i)));
  const batch = buffer.peek(1_000);
  expect(batch?.records.length).toBeLessThanOrEqual(100);
  expect(batch?.records.length).toBeGreaterThanOrEqual(80);
  expect(batch?.records.at(-1)?.text).toBe("999");
  expect(batch?.dropped).toBe(1_000 - (batch?.records.length ?? 0));
  expect(batch?.first).toBe(batch?.dropped);
});

test("long records are bounded by their size", () => {
  const buffer = new RecordBuffer(10_000, 1_000);
  for (let i = 0; i < 100; i++) buffer.push(record("x".repeat(100)));
  expect(buffer.size).toBeLessThanOrEqual(10);
});

test("the loss is told once", () => {
  const buffer = new RecordBuffer(10);
  for (let i = 0; i < 11; i++) buffer.push(record(String(i)));
  const batch = buffer.peek(5);
  expect(batch?.dropped).toBe(2);
  buffer.confirm((batch?.first ?? 0) + 5);
  expect(buffer.peek(5)?.dropped).toBe(0);
});
