import { expect, test } from "vitest";
import { fuzz } from "../../fuzz/differential.ts";

test("our parser and llhttp agree on where mutated messages end, and nothing is taken that llhttp refuses", () => {
  const { runs, bothWhole, bothRefused, lengths, lax, splits } = fuzz(1 + (Date.now() % 1_000_000), 8_000);
  expect({ lengths, lax, splits }).toEqual({ lengths: [], lax: [], splits: [] });
  expect(Math.min(runs / 10, bothWhole, bothRefused)).toBeGreaterThan(50);
});
