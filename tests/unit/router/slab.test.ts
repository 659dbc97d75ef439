import { expect, test } from "vitest";
import { Draft, out, reserve } from "../../../server/router/http1/slab.ts";

test("a draft stands where it was written, in no other slab and no longer than it is good", () => {
  const draft = new Draft();
  expect(draft.standsAt(out.buffer, 0)).toBe(false);
  const at = reserve(100);
  draft.keep(at, at + 80);
  expect([draft.standsAt(out.buffer, at), draft.end]).toEqual([true, at + 80]);
  expect(draft.standsAt(out.buffer, at + 1)).toBe(false);
  const before = out.buffer;
  // More than a slab holds: another one, from its beginning.
  const elsewhere = reserve(before.length + 1);
  expect([elsewhere, out.buffer === before]).toEqual([0, false]);
  draft.keep(0, 80);
  expect(draft.standsAt(before, 0)).toBe(false);
  draft.drop();
  expect(draft.standsAt(out.buffer, 0)).toBe(false);
});
