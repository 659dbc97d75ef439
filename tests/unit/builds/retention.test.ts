import fc from "fast-check";
import { expect, test } from "vitest";
import { evictions, type Retained, type Reusable } from "../../../server/builds/retention.ts";

function layer(id: string, usedAt: number, parts: Partial<Reusable> = {}): Reusable {
  return {
    ref: `paas/layer:${id}`,
    kind: "layer",
    id,
    parentIds: [],
    bytes: 10,
    usedAt,
    isStale: false,
    ...parts,
  };
}

const going = (reusables: readonly Reusable[], parts: Partial<Retained> = {}) =>
  evictions({ reusables, held: new Set(), budgetBytes: 1000, inUseSince: 1000, ...parts }).map((e) => e.reusable.id);

test("within the budget nothing goes", () => {
  expect(going([layer("a", 1), layer("b", 2)])).toEqual([]);
});

test("above the budget the least recently used goes, and no more than needed", () => {
  const all = [layer("new", 3), layer("old", 1), layer("middle", 2)];
  expect(going(all, { budgetBytes: 25 })).toEqual(["old"]);
  expect(going(all, { budgetBytes: 15 })).toEqual(["old", "middle"]);
});

test("a cache counts like a layer", () => {
  const cache = layer("cache:shop", 1, { kind: "cache", bytes: 50 });
  expect(going([cache, layer("a", 2)], { budgetBytes: 20 })).toEqual(["cache:shop"]);
});

test("what another stands on stays until that has gone", () => {
  const all = [layer("runtime", 1), layer("deps", 2, { parentIds: ["runtime"] }), layer("other", 3)];
  expect(going(all, { budgetBytes: 15 })).toEqual(["deps", "runtime"]);
});

test("what a droplet or a container stands on stays, however old", () => {
  const all = [layer("held", 1), layer("a", 2), layer("b", 3)];
  expect(going(all, { budgetBytes: 0, held: new Set(["held"]) })).toEqual(["a", "b"]);
});

test("what a running build may be using stays", () => {
  expect(going([layer("a", 1), layer("b", 5)], { budgetBytes: 0, inUseSince: 5 })).toEqual(["a"]);
});

test("layers of a stack that is not used any more go first, whatever the budget", () => {
  const all = [layer("a", 1), layer("stale", 9, { isStale: true })];
  expect(going(all)).toEqual(["stale"]);
});

test("a build that needs room gets it from the least recently used", () => {
  const all = [layer("a", 1), layer("b", 2), layer("c", 3)];
  expect(going(all, { wantedBytes: 15 })).toEqual(["a", "b"]);
});

test("whatever there is: nothing goes that something stands on, and what stays is within the budget or cannot go", () => {
  const forest = fc.array(
    fc.record({
      bytes: fc.nat(100),
      usedAt: fc.nat(50),
      parent: fc.nat(30),
      isHeld: fc.boolean(),
      isStale: fc.boolean(),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(forest, fc.nat(1000), (nodes, budgetBytes) => {
      const reusables = nodes.map((node, index) =>
        layer(`l${index}`, node.usedAt, {
          bytes: node.bytes,
          isStale: node.isStale,
          parentIds: node.parent < index ? [`l${node.parent}`] : [],
        }),
      );
      const held = new Set(nodes.flatMap((node, index) => (node.isHeld ? [`l${index}`] : [])));
      const left = new Set(reusables);
      for (const { reusable } of evictions({ reusables, held, budgetBytes, inUseSince: 40 })) {
        expect(held.has(reusable.id)).toBe(false);
        expect(reusable.usedAt).toBeLessThan(40);
        left.delete(reusable);
        expect([...left].some((one) => one.parentIds.includes(reusable.id))).toBe(false);
      }
      const bytes = [...left].reduce((sum, one) => sum + one.bytes, 0);
      const couldGo = [...left].filter(
        (one) => !held.has(one.id) && one.usedAt < 40 && ![...left].some((other) => other.parentIds.includes(one.id)),
      );
      expect(bytes <= budgetBytes || couldGo.length === 0).toBe(true);
    }),
  );
});
