import { expect, test } from "vitest";
import type { KeyedLayer } from "../../../server/builds/layer-key.ts";
import { scheduleLayers } from "../../../server/builds/layer-work.ts";
import type { PlanLayer } from "../../../server/builds/plan.ts";
import { testLayer } from "../../support/plans.ts";

const stack = { buildImage: "stack-build", runImage: "stack-run" };

function keyed(...layers: readonly PlanLayer[]): readonly KeyedLayer[] {
  return layers.map((layer, index) => ({ layer, key: `key${index}`, isShared: index === 0 }));
}

const runtime = testLayer("runtime", { keep: ["/opt/node"] });
const modules = testLayer("dependencies", { keep: ["/app/node_modules"] });
const node = keyed(runtime, modules);

/** All images that a schedule names. */
function made(schedule: ReturnType<typeof scheduleLayers>): Set<string> {
  return new Set(schedule.work.flatMap((w) => [w.buildRef, w.run?.ref].filter((ref) => ref !== undefined)));
}

test("a plan without layers starts from the stack", () => {
  expect(scheduleLayers([], stack, true, new Set())).toMatchObject({ reused: [], work: [], ...stack });
});

test("without a build step the last layer is kept for the run time only", () => {
  const { work, runImage } = scheduleLayers(node, stack, false, new Set());
  expect(work.map((w) => w.layer.name)).toEqual(["runtime", "dependencies"]);
  expect(work[0]?.buildRef).toBeDefined();
  expect(work[1]?.buildRef).toBeUndefined();
  expect(work[1]?.from).toBe(work[0]?.buildRef);
  expect(work[1]?.run).toMatchObject({ from: work[0]?.run?.ref, keep: ["/app/node_modules"] });
  expect(runImage).toBe(work[1]?.run?.ref);
});

test("with a build step all of /app comes from there, so no layer keeps a part of it for the run time", () => {
  const { work, runImage, buildImage } = scheduleLayers(node, stack, true, new Set());
  expect(work[1]?.run).toBeUndefined();
  expect(work[1]?.buildRef).toBe(buildImage);
  expect(runImage).toBe(work[0]?.run?.ref);
});

test("what was made is not made again", () => {
  for (const hasBuildStep of [true, false]) {
    const first = scheduleLayers(node, stack, hasBuildStep, new Set());
    const second = scheduleLayers(node, stack, hasBuildStep, made(first));
    expect(second.work).toEqual([]);
    expect(second.reused).toHaveLength(2);
    expect(second.runImage).toBe(first.runImage);
    expect(second.buildImage).toBe(first.buildImage);
  }
});

test("a changed layer is made on top of the unchanged one before it", () => {
  const first = scheduleLayers(node, stack, false, new Set());
  const changed = [node[0], { ...node[1], key: "other" }].filter((k): k is KeyedLayer => k?.key !== undefined);
  const second = scheduleLayers(changed, stack, false, made(first));
  expect(second.reused.map((k) => k.layer.name)).toEqual(["runtime"]);
  expect(second.work.map((w) => w.from)).toEqual([first.work[0]?.buildRef]);
});

test("when only the run image of the last layer is left, nothing has to be made", () => {
  const { runImage } = scheduleLayers(node, stack, false, new Set());
  expect(scheduleLayers(node, stack, false, new Set([runImage])).work).toEqual([]);
});

test("when an image that a later layer starts from is gone, it is made again", () => {
  const first = scheduleLayers(node, stack, false, new Set());
  const left = made(first);
  left.delete(first.runImage);
  left.delete(first.work[0]?.buildRef ?? "");
  expect(scheduleLayers(node, stack, false, left).work).toHaveLength(2);
});

test("a shared layer is kept whole for other apps, but not missed when it is gone", () => {
  const first = scheduleLayers(keyed(runtime), stack, false, new Set());
  expect(first.work[0]?.buildRef).toBeDefined();
  expect(scheduleLayers(keyed(runtime), stack, false, new Set([first.runImage])).work).toEqual([]);
  expect(scheduleLayers(node, stack, false, made(first)).reused).toHaveLength(1);
});

test("layers that serve a build only are left out when there is no build step", () => {
  const serving = keyed(runtime, testLayer("compiler", { launch: false, keep: ["/opt/cc"] }));
  expect(scheduleLayers(serving, stack, false, new Set()).work.map((w) => w.layer.name)).toEqual(["runtime"]);
  expect(scheduleLayers(serving, stack, true, new Set()).work).toHaveLength(2);
});

test("the same layer with and without a build step has two run images when it keeps less in one of them", () => {
  const both = keyed(testLayer("mixed", { keep: ["/opt/x", "/app/y"] }));
  const without = scheduleLayers(both, stack, false, new Set()).runImage;
  expect(scheduleLayers(both, stack, true, new Set()).runImage).not.toBe(without);
});
