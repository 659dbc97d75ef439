import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { silentLog } from "../../../server/core/log.ts";
import { waitFor } from "../../../server/core/time.ts";
import type { Strategy } from "../../../server/core/types.ts";
import type { DesiredGeneration } from "../../../server/scheduler/desired.ts";
import type { Engine, InstanceSpec, ObservedContainer } from "../../../server/scheduler/engine.ts";
import type { RoutedInstance, Serving } from "../../../server/scheduler/ports.ts";
import { Scheduler } from "../../../server/scheduler/scheduler.ts";
import { appId, generation } from "./world.ts";

/** An engine in memory, of which single calls can be made to fail. */
class MemoryEngine implements Engine {
  containers: ObservedContainer[] = [];
  calls: string[] = [];
  readonly broken = new Map<string, Error>();
  /** Looks do not end before it. */
  gate: Promise<void> = Promise.resolve();
  #next = 1;

  async list(): Promise<readonly ObservedContainer[]> {
    await this.gate;
    return this.containers;
  }

  async start(spec: InstanceSpec): Promise<string> {
    this.#call(`start ${spec.type}.${spec.index}`);
    const id = `c${this.#next++}`;
    const { cohort, version, type, index, crashes, port } = spec;
    const at = Date.now();
    const own = { id, appId: spec.appId, cohort, version, type, index, crashes, port, createdAt: at, startedAt: at };
    this.containers.push({ ...own, state: "running", finishedAt: undefined, exit: undefined, address: `10.0.0.${id}` });
    return id;
  }

  async stop(id: string): Promise<void> {
    this.#call(`stop ${id}`);
    this.change(id, { state: "exited", finishedAt: Date.now(), exit: { code: 143, oomKilled: false } });
  }

  async kill(id: string): Promise<void> {
    this.#call(`kill ${id}`);
    this.change(id, { state: "exited", finishedAt: Date.now(), exit: { code: 137, oomKilled: false } });
  }

  async remove(id: string): Promise<void> {
    this.#call(`remove ${id}`);
    this.containers = this.containers.filter((c) => c.id !== id);
  }

  async tail(): Promise<readonly string[]> {
    return [];
  }

  async exec() {
    return { code: 0, lastLine: "" };
  }

  async listening(): Promise<readonly string[]> {
    return [];
  }

  change(id: string, over: Partial<ObservedContainer>): void {
    this.containers = this.containers.map((c) => (c.id === id ? { ...c, ...over } : c));
  }

  count(call: string): number {
    return this.calls.filter((made) => made === call).length;
  }

  #call(call: string): void {
    this.calls.push(call);
    const problem = this.broken.get(call);
    if (problem) throw problem;
  }
}

/** A scheduler over memory: one app, what is desired of it, and what the router was told. */
function open(strategy: Strategy = "rolling") {
  const engine = new MemoryEngine();
  const store: { current: DesiredGeneration | undefined; candidate: DesiredGeneration | undefined } = {
    current: undefined,
    candidate: undefined,
  };
  let targets: readonly RoutedInstance[] = [];
  let serving: Serving = "blank";
  const drains: number[] = [];
  const scheduler = new Scheduler({
    engine,
    routing: {
      targets: () => targets,
      serving: () => serving,
      async publish(_app, next, nextServing) {
        targets = next;
        serving = nextServing;
      },
      drain: async (_id, deadlineMs) => void drains.push(deadlineMs),
    },
    probe: async () => undefined,
    now: Date.now,
    log: silentLog,
    desired: () => ({ appId, appName: "shop", space: "default", strategy, ...store }),
    promote: () => {
      store.current = store.candidate;
      store.candidate = undefined;
      return true;
    },
    fail: () => void (store.candidate = undefined),
    say: () => undefined,
    started: () => undefined,
    beforeRemove: async () => undefined,
    engineProblem: () => undefined,
    fault: () => undefined,
    drainMs: 30_000,
    graceMs: 10,
  });
  scheduler.open([]);
  return {
    engine,
    store,
    scheduler,
    drains,
    routed: () => targets.map((target) => `${target.name} ${target.address}`),
    async deploy(next: DesiredGeneration) {
      const done = scheduler.rollout(next.id, () => undefined);
      store.candidate = next;
      scheduler.trigger(appId);
      return await done;
    },
    [Symbol.asyncDispose]: () => scheduler[Symbol.asyncDispose](),
  };
}

const refused = new AppError("RUNTIME_FAILED", { action: "do that", cause: "device or resource busy" });
const soon = () => ({ every: 5, signal: AbortSignal.timeout(3000) });

test("an instance that the engine will not stop is asked to again later, not at once for ever", async () => {
  await using world = open();
  world.engine.broken.set("stop c1", refused);
  expect(await world.deploy(generation("g1", 1, { web: 1 }))).toEqual({ ok: true });
  expect(await world.deploy(generation("g2", 2, { web: 1 }))).toEqual({ ok: true });
  await waitFor(() => world.engine.count("stop c1") > 0, soon());
  await delay(200);
  expect(world.engine.count("stop c1")).toBe(1);
  world.engine.broken.clear();
  await waitFor(() => !world.engine.containers.some((c) => c.id === "c1"), soon());
});

test("a container that cannot be removed keeps no deploy and no other instance waiting", async () => {
  await using world = open();
  expect(await world.deploy(generation("g1", 1, { web: 2 }))).toEqual({ ok: true });
  world.engine.broken.set("remove c1", refused);
  await world.engine.kill("c1");
  world.scheduler.trigger(appId);
  await waitFor(() => world.engine.count("start web.1") === 2, soon());
  expect(await world.deploy(generation("g2", 2, { web: 2 }))).toEqual({ ok: true });
  expect(world.engine.count("remove c1")).toBeLessThanOrEqual(3);
});

test("a slot that the engine will not start is said so at once, shown, and tried again; the others are looked after", async () => {
  await using world = open();
  expect(await world.deploy(generation("g1", 1, { web: 1 }))).toEqual({ ok: true });
  world.engine.broken.set("start web.2", new AppError("DROPLET_GONE", { version: "v1" }));
  world.store.current = generation("g1", 1, { web: 12 });
  const outcome = await world.scheduler.converge(appId, AbortSignal.timeout(3000));
  expect(outcome).toMatchObject({
    ok: false,
    failure: {
      reason: "web.2 could not be started: The droplet of v1 is no longer on this machine.",
      hint: "Push that commit again to build it anew.",
    },
  });
  await waitFor(() => world.routed().length === 11, soon());
  const statuses = await world.scheduler.statuses(appId);
  expect(statuses.filter((status) => status.state === "up")).toHaveLength(11);
  expect(statuses.find((status) => status.name === "web.2")).toMatchObject({
    state: "crashed",
    reason: "The droplet of v1 is no longer on this machine.",
  });
  await delay(200);
  expect(world.engine.count("start web.2")).toBe(1);
  world.engine.broken.clear();
  await waitFor(() => world.routed().length === 12, soon());
});

test("a deploy is not held up by slots of the old release that the engine will not start", async () => {
  await using world = open();
  expect(await world.deploy(generation("g1", 1, { web: 1, worker: 0 }))).toEqual({ ok: true });
  world.engine.broken.set("start worker.1", refused);
  world.store.current = generation("g1", 1, { web: 1, worker: 1 });
  await world.scheduler.converge(appId, AbortSignal.timeout(3000));
  const startedAt = Date.now();
  expect(await world.deploy(generation("g2", 2, { web: 1 }))).toEqual({ ok: true });
  expect(Date.now() - startedAt).toBeLessThan(2000);
});

test("who waits for what was just asked is not told by a pass that began before", async () => {
  await using world = open();
  expect(await world.deploy(generation("g1", 1, { web: 1 }))).toEqual({ ok: true });
  const gate = Promise.withResolvers<void>();
  world.engine.gate = gate.promise;
  world.scheduler.trigger(appId);
  await delay(20);
  world.store.current = generation("g1", 1, { web: 2 });
  const scaled = world.scheduler.converge(appId, AbortSignal.timeout(3000));
  gate.resolve();
  expect(await scaled).toEqual({ ok: true });
  expect(world.routed()).toHaveLength(2);
});

test("an instance that got another address is checked anew and routed to it; one without any is replaced", async () => {
  await using world = open();
  expect(await world.deploy(generation("g1", 1, { web: 1 }))).toEqual({ ok: true });
  world.engine.change("c1", { address: "10.0.0.99" });
  world.scheduler.trigger(appId);
  await waitFor(() => world.routed().join() === "web.1 10.0.0.99", soon());
  world.engine.change("c1", { address: undefined });
  world.scheduler.trigger(appId);
  await waitFor(() => world.routed().join() === "web.1 10.0.0.c2", soon());
  await waitFor(() => world.engine.containers.map((c) => c.id).join() === "c2", soon());
});

test("generations that may not overlap run one after the other, and the wait for what is under way is short", async () => {
  await using world = open("recreate");
  expect(await world.deploy(generation("g1", 1, { web: 1 }))).toEqual({ ok: true });
  expect(await world.deploy(generation("g2", 2, { web: 1 }))).toEqual({ ok: true });
  expect(world.engine.calls).toEqual(["start web.1", "stop c1", "remove c1", "start web.1"]);
  expect(world.drains).toEqual([5_000]);
  world.store.current = generation("g2", 2, { web: 0 });
  world.scheduler.trigger(appId);
  await waitFor(() => world.engine.containers.length === 0, soon());
  expect(world.drains).toEqual([5_000, 30_000]);
});
