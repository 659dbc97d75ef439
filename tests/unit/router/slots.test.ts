import fc from "fast-check";
import { expect, test } from "vitest";
import { Slots } from "../../../server/router/slots.ts";

test("holds what was added and not removed, as a set does", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 60 }), (steps) => {
      const all = Array.from({ length: 10 }, () => ({ slot: -1 }));
      const slots = new Slots<{ slot: number }>();
      const expected = new Set<{ slot: number }>();
      for (const [isAdded, index] of steps) {
        const one = all[index];
        if (one === undefined) continue;
        if (!isAdded) {
          slots.remove(one);
          expected.delete(one);
        } else if (!expected.has(one)) {
          slots.add(one);
          expected.add(one);
        }
      }
      expect(new Set(slots.list())).toEqual(expected);
      expect(slots.size).toBe(expected.size);
      for (const one of all) expect(one.slot === -1).toBe(!expected.has(one));
    }),
  );
});
