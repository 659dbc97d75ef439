import { expect, test } from "vitest";
import { fuzz } from "../../fuzz/differential.ts";

test("our parser and llhttp agree on where mutated messages end, and nothing is taken that llhttp refuses", () => {
  // Always the same messages: what was found once stays found. `node tests/fuzz/router.ts` takes others each time.
  const { runs, bothWhole, bothRefused, lengths, lax, splits } = fuzz(20_261, 8_000);
  expect({ lengths, lax, splits }).toEqual({ lengths: [], lax: [], splits: [] });
  expect(Math.min(runs / 10, bothWhole, bothRefused)).toBeGreaterThan(50);
});
