import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuildLimits } from "../../../server/builds/limits.ts";
import { BuildkitGroup } from "../../../server/docker/buildkit/cgroup.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "cgroup-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const limits = (memoryBytes: number): BuildLimits => ({
  memoryBytes,
  cpus: 1.5,
  pids: 100,
  diskBytes: 1,
  timeoutMs: 1,
});
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

test("the group may take what the running builds may take together", async () => {
  writeFileSync(path.join(root, "cgroup.controllers"), "cpu memory pids");
  const group = new BuildkitGroup(root);
  const [one, two] = [limits(1000), limits(500)];
  expect([await group.enter(one), await group.enter(two)]).toEqual([true, true]);
  const files = ["memory.max", "cpu.max", "cpu.weight", "pids.max"].map((f) => read(`docker/buildkit/${f}`));
  expect(files).toEqual(["1500", "300000 100000", "25", "200"]);
  await group.leave(one);
  expect(read("docker/buildkit/memory.max")).toBe("500");
  await group.leave(two);
  const after = ["memory.max", "cpu.max", "cpu.weight", "pids.max"].map((f) => read(`docker/buildkit/${f}`));
  expect(after).toEqual(["max", "max 100000", "100", "max"]);
});

test("with the controllers apart each has its file", async () => {
  for (const controller of ["memory", "cpu", "pids"]) mkdirSync(path.join(root, controller));
  const [group, one] = [new BuildkitGroup(root), limits(1000)];
  expect(await group.enter(one)).toBe(true);
  const files = [
    "memory/docker/buildkit/memory.limit_in_bytes",
    "cpu/docker/buildkit/cpu.shares",
    "pids/docker/buildkit/pids.max",
  ];
  expect(files.map(read)).toEqual(["1000", "256", "100"]);
  await group.leave(one);
  expect(files.map(read)).toEqual(["-1", "1024", "max"]);
});

test("a group that cannot be written is said", async () => {
  writeFileSync(path.join(root, "docker"), "");
  writeFileSync(path.join(root, "cgroup.controllers"), "");
  expect(await new BuildkitGroup(root).enter(limits(1000))).toBe(false);
});
