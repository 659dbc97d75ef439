import { expect, test } from "vitest";
import { buildLimits } from "../../../server/builds/limits.ts";

const gib = 1024 ** 3;

test.each([
  [0.5, 0.5],
  [2, 1],
  [6, 3],
  [64, 4],
])("a machine with %d GiB gives a build %d GiB", (machine, build) => {
  expect(buildLimits({ memoryBytes: machine * gib, cpus: 2 }).memoryBytes).toBe(build * gib);
});
