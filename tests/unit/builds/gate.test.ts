import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { BuildGate, defaultParallel, neededMemory } from "../../../server/builds/gate.ts";

const gib = 1024 ** 3;
const never = new AbortController().signal;

function gate(options: { parallel?: number; free?: () => number; memoryWaitMs?: number } = {}) {
  const { parallel = 1, free = () => 8 * gib, memoryWaitMs = 60_000 } = options;
  const one = new BuildGate({ parallel, freeMemoryBytes: free, memoryWaitMs, lookEveryMs: 2 });
  const told: string[] = [];
  const enter = (name: string, signal = never) =>
    one.enter({ title: `push ${name}`, needBytes: gib, onWait: (text) => told.push(`${name}: ${text}`) }, signal);
  return { enter, told };
}

test("those who wait are told their place, and again when it changes", async () => {
  const { enter, told } = gate();
  const first = await enter("a");
  const [second, third] = [enter("b"), enter("c")];
  expect(told).toEqual([
    "b: Waiting: position 1 of 1, behind push a",
    "b: Waiting: position 1 of 2, behind push a",
    "c: Waiting: position 2 of 2, behind push b",
  ]);
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  expect(told.slice(3)).toEqual(["c: Waiting: position 1 of 1, behind push b"]);
  (await third)[Symbol.dispose]();
});

test("as many as allowed work at a time, in the order in which they came", async () => {
  const { enter } = gate({ parallel: 2 });
  const order: string[] = [];
  let working = 0;
  let most = 0;
  const build = async (name: string) => {
    using _place = await enter(name);
    order.push(name);
    most = Math.max(most, ++working);
    await delay(3);
    working--;
  };
  await Promise.all(["a", "b", "c", "d", "e"].map(build));
  expect(order).toEqual(["a", "b", "c", "d", "e"]);
  expect(most).toBe(2);
});

test("one that gives up leaves its place to those behind", async () => {
  const { enter, told } = gate();
  const first = await enter("a");
  const abort = new AbortController();
  const second = enter("b", abort.signal);
  const third = enter("c");
  abort.abort(new Error("cancelled"));
  await expect(second).rejects.toThrow("cancelled");
  expect(told.at(-1)).toBe("c: Waiting: position 1 of 1, behind push a");
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
});

test("a build waits for memory and begins when it is there", async () => {
  let free = 0;
  const { enter, told } = gate({ free: () => free });
  const waiting = enter("a");
  expect(told).toEqual(["a: Waiting for memory: the build needs 1 GB"]);
  free = 2 * gib;
  (await waiting)[Symbol.dispose]();
});

test("a build for which there is never memory fails and says so; the next has its own time", async () => {
  const { enter } = gate({ free: () => 100 * 1024 ** 2, memoryWaitMs: 10 });
  await expect(enter("a")).rejects.toThrow("There was no memory for the build: 100 MB are free, it needs 1 GB.");
});

test.each([
  [1, 1, 0.5, 1],
  [2, 24, 4, 1],
  [8, 32, 4, 4],
  [16, 16, 4, 2],
])("%d CPUs and %d GiB with builds of %d GiB: %d at a time", (cpus, memory, build, expected) => {
  expect(defaultParallel({ cpus, memoryBytes: memory * gib }, build * gib)).toBe(expected);
});

test("a build needs half of its limit to begin, but 256 MiB or its limit", () => {
  expect([0.0625, 0.5, 4].map((limit) => neededMemory(limit * gib) / gib)).toEqual([0.0625, 0.25, 2]);
});
