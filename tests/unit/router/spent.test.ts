import { expect, test } from "vitest";
import { giveBack } from "../../../server/router/http1/spent.ts";

const none = Buffer.alloc(0);
const large = (): Buffer => Buffer.alloc(65_536, "x");

test("what is large is gone at once, all of it", () => {
  const bytes = large();
  const before = process.memoryUsage().arrayBuffers;
  giveBack(bytes.subarray(100), none);
  expect([bytes.length, bytes.buffer.byteLength]).toEqual([0, 0]);
  expect(before - process.memoryUsage().arrayBuffers).toBeGreaterThanOrEqual(65_536);
});

test("what is small, or holds what is kept, stays", () => {
  const small = Buffer.alloc(10_000, "s");
  giveBack(small, none);
  const bytes = large();
  giveBack(bytes, bytes.subarray(3, 9));
  expect([small.toString(), bytes.toString()]).toEqual(["s".repeat(10_000), "x".repeat(65_536)]);
});

test("memory that others have a share in stays, however much of it is asked for", () => {
  const others: Buffer[] = [];
  for (let size = 1_000; size < 70_000; size += 1_000) {
    // Node takes it from its pool where it is small enough.
    const one = Buffer.from("o".repeat(size));
    const other = Buffer.from(`other ${size}`);
    others.push(other);
    giveBack(one, none);
  }
  expect(others.map(String)).toEqual(others.map((_, i) => `other ${1_000 + i * 1_000}`));
});
