import { expect, test } from "vitest";
import { silentLog } from "../../../server/core/log.ts";
import type { BuildStep } from "../../../server/builds/image-engine.ts";
import { StepCache } from "../../../server/builds/step-cache.ts";

function step(id: string, createdAt: number, parts: Partial<BuildStep> = {}): BuildStep {
  return {
    id,
    parentIds: [],
    description: `RUN ${id}`,
    bytes: 10,
    isHeld: false,
    createdAt,
    usedAt: createdAt,
    ...parts,
  };
}

/** An engine with these steps, and what the installation has noted. */
function opened(steps: BuildStep[], known: Record<string, number> = {}) {
  const records = new Map(Object.entries(known));
  const asked: number[] = [];
  const clock = { now: 1000 };
  const cache = new StepCache({
    engine: {
      buildSteps: async () => {
        asked.push(clock.now);
        if (clock.now < 0) throw new Error("the engine is busy");
        return steps;
      },
    },
    store: {
      all: () => [...records].map(([ref, usedAt]) => ({ ref, usedAt })),
      used: (refs, at) => refs.forEach((ref) => records.set(ref, at)),
      forget: (refs) => refs.forEach((ref) => records.delete(ref)),
    },
    now: () => clock.now,
    log: silentLog,
  });
  const ids = async () => (await cache.reusables()).reusables.map((one) => one.id);
  return { cache, records, asked, clock, ids };
}

test("ours are the steps that came up while a build of ours ran", async () => {
  const { cache, ids } = opened([step("before", 90), step("first", 100), step("last", 200), step("after", 201)]);
  expect(await ids()).toEqual([]);
  cache.ran(100, 200);
  expect(await ids()).toEqual(["first", "last"]);
});

test("what another step stands on, or an image has too, is held", async () => {
  const { cache } = opened([
    step("base", 100),
    step("shared", 101, { isHeld: true }),
    step("theirs", 300, { parentIds: ["base"] }),
  ]);
  cache.ran(100, 200);
  expect((await cache.reusables()).held).toEqual(new Set(["base", "shared"]));
});

test("the engine is asked only when there is something to find, and not again at once", async () => {
  const { cache, clock, asked, ids } = opened([step("a", 100)]);
  await ids();
  expect(asked).toEqual([]);
  cache.ran(100, 200);
  await ids();
  await ids();
  expect(asked).toEqual([1000]);
  clock.now += 10 * 60_000;
  await ids();
  cache.changed();
  await ids();
  expect(asked).toHaveLength(3);
});

test("an engine that does not answer keeps nothing else from being cleaned, and nothing is forgotten", async () => {
  const { cache, clock, records, ids } = opened([step("a", 100)], { "step:b": 1 });
  clock.now = -1;
  cache.ran(100, 200);
  expect(await ids()).toEqual([]);
  expect([...records.keys()]).toEqual(["step:b"]);
  clock.now = 1000;
  expect(await ids()).toEqual(["a"]);
});

test("a step that the engine has dropped is forgotten, other records stay", async () => {
  const { records, ids } = opened([step("a", 100)], { "step:a": 100, "step:gone": 50, "cache:shop": 1 });
  expect(await ids()).toEqual(["a"]);
  expect([...records.keys()]).toEqual(["step:a", "cache:shop"]);
});
