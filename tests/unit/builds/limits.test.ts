import { expect, test } from "vitest";
import { Breaches } from "../../../server/builds/breach.ts";
import { buildLimits, limitsOf, ownLimits } from "../../../server/builds/limits.ts";

const mib = 1024 ** 2;
const gib = 1024 ** 3;
const machine = (memory: number, disk: number, cpus = 2) => ({
  memoryBytes: memory * gib,
  cpus,
  diskBytes: disk * gib,
});

test.each([
  [0.5, 0.5],
  [1, 0.5],
  [2, 1],
  [6, 3],
  [64, 4],
])("a machine with %d GiB gives a build %d GiB", (memory, build) => {
  expect(buildLimits(machine(memory, 25)).memoryBytes).toBe(build * gib);
});

test("a small server of 1 GiB, one CPU and 25 GB of disk", () => {
  expect(buildLimits(machine(1, 25, 1))).toEqual({
    memoryBytes: 512 * mib,
    cpus: 1,
    pids: 512,
    diskBytes: 2.5 * gib,
    timeoutMs: 1_800_000,
  });
});

test.each([
  [10, 2],
  [100, 10],
  [4000, 20],
])("of a disk of %d GiB a build may write %d GiB", (disk, build) => {
  expect(buildLimits(machine(8, disk)).diskBytes).toBe(build * gib);
});

test("an app's own limits win, but no app has more CPUs than the machine", () => {
  const limits = limitsOf(buildLimits(machine(8, 100)), { memoryBytes: gib, cpus: 16 }, { cpus: 2 });
  expect(limits).toMatchObject({ memoryBytes: gib, cpus: 2, timeoutMs: 900_000 });
});

test.each([{ pids: 0 }, { diskBytes: -1 }, { speed: 3 }])("%j is no set of limits", (given) => {
  expect(ownLimits.safeParse(given).success).toBe(false);
});

test("every breach names the limit and the verb that raises it", () => {
  const limits = { memoryBytes: 64 * mib, cpus: 1, pids: 40, diskBytes: 100 * mib, timeoutMs: 90_000 };
  const breaches = new Breaches(limits, "shop");
  const said = [
    breaches.memory("npm ci"),
    breaches.processes("npm ci"),
    breaches.disk("npm ci"),
    breaches.time("npm ci"),
  ];
  expect(said.map((one) => [one.message, /paas .*/.exec(one.hint)?.[0]])).toEqual([
    ["npm ci ran out of memory (builds may use 64 MB).", "paas builds:limits:set --memory 128M -a shop"],
    ["npm ci hit the limit of 40 processes and threads.", "paas builds:limits:set --pids 80 -a shop"],
    ["The build wrote more than 100 MB and was ended in: npm ci.", "paas builds:limits:set --disk 200M -a shop"],
    ["The build took longer than 1m30s and was ended in: npm ci.", "paas builds:limits:set --timeout 3m -a shop"],
  ]);
});
