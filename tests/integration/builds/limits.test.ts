import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { cleanUpAfterCrash } from "../../../server/builds/clean-up.ts";
import { BuildGate } from "../../../server/builds/gate.ts";
import { newId } from "../../../server/core/ids.ts";
import { BuildHarness } from "../../support/build-harness.ts";
import { shell, testLayer, testPlan } from "../../support/plans.ts";

const harness = new BuildHarness({ limits: { memoryBytes: 64 * 1024 ** 2, pids: 40, timeoutMs: 60_000 } });
const writer = new BuildHarness({ limits: { diskBytes: 48 * 1024 ** 2 } });
const full = new BuildHarness({ floorBytes: Number.MAX_SAFE_INTEGER });
let freeMb = 2000;
const filling = new BuildHarness({
  floorBytes: 1000 * 1024 ** 2,
  disk: () => ({ freeBytes: (freeMb -= 100) * 1024 ** 2, totalBytes: 1024 ** 4 }),
});
const hasty = new BuildHarness({ limits: { timeoutMs: 8000 } });
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await writer[Symbol.asyncDispose]();
  await full[Symbol.asyncDispose]();
  await filling[Symbol.asyncDispose]();
  await hasty[Symbol.asyncDispose]();
});

const building = (script: string) => testPlan({ build: { title: "Building", files: [], commands: [shell(script)] } });

test("a step that takes too much memory is named with the limit", async () => {
  const { result } = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: building("exec tail /dev/zero"),
  });
  expect(result).toMatchObject({
    ok: false,
    reason: "bash -c exec tail /dev/zero ran out of memory (builds may use 64 MB).",
  });
  expect(await harness.containers()).toEqual([]);
});

test("memory is named too when it is a child that was killed", async () => {
  const { result } = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: building("tail /dev/zero || exit 1"),
  });
  expect(!result.ok && result.reason).toContain("ran out of memory");
});

test("a step that kills itself is not said to be out of memory", async () => {
  const { result } = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: building("kill -9 $$"),
  });
  expect(!result.ok && result.reason).toBe("bash -c kill -9 $$ was ended by SIGKILL (exit code 137).");
});

test("a process that a step leaves in the background does not keep the build open", async () => {
  const { result, lines } = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: building("sleep 600 & echo said last"),
  });
  expect(result.ok).toBe(true);
  expect(lines.join("\n")).toContain("said last");
  expect(await harness.containers()).toEqual([]);
});

test("a command that fails because it may start no more processes is named with the limit", async () => {
  const script = "import os, time\nfor i in range(100): os.fork() or time.sleep(60)";
  const { result } = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: building(`exec python3 -c '${script}'`),
  });
  expect(!result.ok && result.reason).toMatch(/hit the limit of 40 processes and threads\.$/);
  expect(!result.ok && result.hint).toContain("paas builds:limits:set --pids 80 -a shop");
});

test("a fork bomb is ended and named long before the deadline", async () => {
  const { result } = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: building("bomb() { bomb | bomb & }; bomb; sleep 600"),
  });
  expect(!result.ok && result.reason).toContain("hit the limit of 40 processes and threads.");
  expect(await harness.containers()).toEqual([]);
});

test.each(["/tmp/fill", "/app/fill", "/cache/fill"])("a step that fills %s is ended and named", async (file) => {
  const { result } = await writer.build(writer.app(), await writer.source({ "app.txt": "" }), {
    plan: building(`while dd if=/dev/zero bs=1M count=8 status=none; do sleep 0.1; done > ${file}`),
  });
  expect(result).toMatchObject({
    ok: false,
    reason: expect.stringContaining("The build wrote more than 48 MB and was"),
  });
  expect(!result.ok && result.hint).toContain("paas builds:limits:set --disk 96M -a shop");
  expect(await writer.containers()).toEqual([]);
});

test("a build ends before it takes the room that is kept free", async () => {
  const { result } = await filling.build(filling.app(), await filling.source({ "app.txt": "" }), {
    plan: building("sleep 600"),
  });
  expect(!result.ok && result.reason).toMatch(/^Only 900 MB are left on the engine/);
  expect(await filling.containers()).toEqual([]);
});

test("a build does not begin where that room is not there", async () => {
  const { result } = await full.build(full.app(), await full.source({ "app.txt": "" }), { plan: building("true") });
  expect(!result.ok && result.reason).toMatch(/^There is no room for a build: .* are left on the engine's disk/);
  expect(!result.ok && result.hint).toContain("paas disk:clean");
});

test("no build works while another has its place, and the time that it waits is not its own", async () => {
  const gate = new BuildGate({ parallel: 1, freeMemoryBytes: () => Number.MAX_SAFE_INTEGER });
  await using queued = new BuildHarness({ gate, limits: { timeoutMs: 8000 } });
  const began = performance.now();
  const order: string[] = [];
  const builds = ["one", "two", "three"].map(async (name) =>
    queued.build(queued.app(name), await queued.source({ "app.txt": "" }), {
      plan: building(`echo ${name} begins; sleep 3; echo ${name} ends`),
      onLine: (line) => /begins|ends|Waiting/.test(line) && order.push(line.trim()),
    }),
  );
  const results = await Promise.all(builds);
  expect(results.map(({ result }) => result.ok)).toEqual([true, true, true]);
  expect(performance.now() - began).toBeGreaterThan(9000);
  const works = order.filter((line) => !line.includes("Waiting"));
  for (const [index, line] of works.entries()) {
    if (index % 2 === 1) expect(line).toBe(works[index - 1]?.replace("begins", "ends"));
  }
  expect(order.join("\n")).toMatch(/-----> Waiting: position 2 of 2, behind push c0ffee of (one|two|three)/);
});

test("a step that never ends is ended at the deadline and named", async () => {
  const { result } = await hasty.build(hasty.app(), await hasty.source({ "app.txt": "" }), {
    plan: building("sleep 600"),
  });
  expect(result).toMatchObject({
    ok: false,
    reason: "The build took longer than 8.0s and was ended in: bash -c sleep 600.",
  });
  expect(await hasty.containers()).toEqual([]);
});

test("an abort ends the build at once and leaves no container", async () => {
  const abort = new AbortController();
  let abortedAt = 0;
  const onLine = (line: string) => {
    if (!line.includes("started")) return;
    abortedAt = performance.now();
    abort.abort(new Error("cancelled"));
  };
  const source = await harness.source({ "app.txt": "" });
  const build = harness.build(harness.app(), source, {
    plan: building("echo started; sleep 600"),
    signal: abort.signal,
    onLine,
  });
  await expect(build).rejects.toThrow("cancelled");
  expect(performance.now() - abortedAt).toBeLessThan(5000);
  expect(await harness.containers()).toEqual([]);
});

test("an abort at any moment leaves no container", async () => {
  const layers = [
    testLayer("x", {
      files: ["app.txt"],
      keep: ["/app/x"],
      commands: [{ ...shell("mkdir x"), env: { NONCE: newId() } }],
    }),
  ];
  const source = await harness.source({ "app.txt": "" });
  for (let afterMs = 0; afterMs <= 1400; afterMs += 140) {
    const abort = new AbortController();
    const timer = delay(afterMs).then(() => abort.abort(new Error("cancelled")));
    const layer = { ...layers[0], inputs: { n: newId() } };
    const plan = { ...building("true"), layers: [testLayer("x", layer)] };
    await harness
      .build(harness.app(), source, { plan, signal: abort.signal })
      .catch((err: unknown) => expect(err).toEqual(new Error("cancelled")));
    await timer;
    expect(await harness.containers()).toEqual([]);
  }
});

test("what a crash left is removed, what a running build owns is not", async () => {
  const mine = { appId: harness.app().id, buildId: newId() };
  const left = { appId: harness.app().id, buildId: newId() };
  const image = "paas/stack-run";
  const { RepoTags } = (await harness.docker.listImages({ filters: { reference: [image] } }))[0] ?? {};
  for (const owner of [mine, left])
    await harness.engine.create({ owner, image: RepoTags?.[0] ?? image, run: undefined });
  expect(await cleanUpAfterCrash(harness.engine, new Set([mine.buildId]))).toBe(1);
  expect((await harness.engine.buildContainers()).map((c) => c.buildId)).toEqual([mine.buildId]);
});
