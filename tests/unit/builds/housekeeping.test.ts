import { expect, test } from "vitest";
import { oldStackImages } from "../../../server/builds/housekeeping.ts";
import type { ListedImage } from "../../../server/builds/image-engine.ts";

const dayMs = 86_400_000;
const now = 100 * dayMs;

function image(ref: string, daysAgo: number, parts: Partial<ListedImage> = {}): ListedImage {
  const fixed = { parentId: undefined, kind: "stack", sizeBytes: 10 };
  return { id: ref, refs: [ref], createdAt: now - daysAgo * dayMs, ...fixed, ...parts };
}

const going = (images: readonly ListedImage[], inUse: readonly string[] = []) =>
  oldStackImages(images, ["paas/stack-run:new"], new Set(inUse), now).map((one) => one.ref);

test("an older stack goes a week after its successor came, unless something runs on it", () => {
  const old = image("paas/stack-run:old", 30);
  expect(going([old, image("paas/stack-run:new", 8)])).toEqual(["paas/stack-run:old"]);
  expect(going([old, image("paas/stack-run:new", 6)])).toEqual([]);
  expect(going([old, image("paas/stack-run:new", 8)], [old.id])).toEqual([]);
  expect(going([old])).toEqual([]);
});

test("a service's image goes a week after a newer one of its kind came, and then the stack below it", () => {
  const stack = image("paas/stack-run:old", 30);
  const old = image("paas/service-postgres:old", 20, { parentId: stack.id });
  const other = image("paas/service-redis:only", 20);
  const all = [stack, old, other, image("paas/stack-run:new", 9)];
  expect(going(all)).toEqual([]);
  expect(going([...all, image("paas/service-postgres:new", 6)])).toEqual([]);
  expect(going([...all, image("paas/service-postgres:new", 8)])).toEqual([old.refs[0], stack.refs[0]]);
  expect(going([...all, image("paas/service-postgres:new", 8)], [old.id])).toEqual([]);
});

test("images of other people stay, whatever they are called", () => {
  const foreign = image("paas/service-postgres:theirs", 20, { kind: undefined });
  expect(going([foreign, image("paas/service-postgres:new", 8), image("paas/stack-run:new", 9)])).toEqual([]);
});
