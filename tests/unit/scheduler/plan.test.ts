import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ProcessType } from "../../../server/core/ids.ts";
import { slotKey } from "../../../server/scheduler/desired.ts";
import { generation, process, World } from "./world.ts";

function upWith(counts: Readonly<Record<string, number>>): World {
  const world = new World();
  world.candidate = generation("g1", 1, counts);
  world.settle();
  return world;
}

const kinds = (world: World) => world.plan().steps.map((step) => step.kind);

describe("a roll-out", () => {
  test("starts all instances of all types at once", () => {
    const world = new World();
    world.candidate = generation("g1", 1, { web: 2, worker: 1 });
    expect(kinds(world).filter((kind) => kind === "start")).toHaveLength(3);
  });

  test("is promoted only when every instance has passed and stayed up for its settle time", () => {
    const world = new World();
    world.candidate = generation("g1", 1, { web: 2 });
    world.pass();
    expect(kinds(world)).toEqual([]);
    world.passChecks();
    expect(kinds(world)).toEqual([]);
    expect(world.plan().wakeAt).toBe(world.now + 500);
    world.now += 500;
    expect(kinds(world)).toEqual(["promote"]);
  });

  test("without any instance is promoted at once", () => {
    const world = new World();
    world.candidate = generation("g1", 1, { web: 0 });
    expect(kinds(world)).toEqual(["promote"]);
  });

  test("fails as a whole when one instance exits, and the old one keeps its routes", () => {
    const world = upWith({ web: 1 });
    const before = new Set(world.routed);
    world.candidate = generation("g2", 2, { web: 1, worker: 1 });
    world.pass();
    world.crash(world.instances.find((c) => c.type === "worker")?.id ?? "");
    expect(kinds(world)).toEqual(["fail"]);
    world.settle();
    expect(world.failed).toEqual(["g2"]);
    expect(world.routed).toEqual(before);
    expect(world.instances.map((c) => c.cohort)).toEqual(["g1"]);
  });

  test("fails when a check has not passed within the boot time, with the last answer", () => {
    const world = new World();
    world.candidate = generation("g1", 1, { web: 1 });
    world.pass();
    world.instances = world.instances.map((c) => ({
      ...c,
      health: { state: "pending", since: c.startedAt, lastProblem: "GET / answered 500" },
    }));
    world.now += 60_000;
    expect(world.plan().steps).toMatchObject([
      { kind: "fail", cause: { kind: "unhealthy", lastProblem: "GET / answered 500" } },
    ]);
  });

  test("switches routes before it lets an old instance go", () => {
    const world = upWith({ web: 1 });
    world.candidate = generation("g2", 2, { web: 1 });
    const seen: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      world.now += 300;
      world.passChecks();
      seen.push(...world.pass().map((step) => step.kind));
    }
    expect(seen).toEqual(["start", "promote", "route", "retire"]);
  });

  test("of one type takes the other types over", () => {
    const world = upWith({ web: 1, worker: 1 });
    const webBefore = world.instances.find((c) => c.type === "web")?.id;
    world.candidate = { ...generation("g2", 1, {}), processes: [process("web", "g1", 1), process("worker", "g2", 1)] };
    world.settle();
    expect(world.instances.map((c) => [c.type, c.cohort])).toEqual([
      ["web", "g1"],
      ["worker", "g2"],
    ]);
    expect(world.instances[0]?.id).toBe(webBefore);
  });
});

describe("scaling", () => {
  test("up starts only what is missing", () => {
    const world = upWith({ web: 1 });
    world.current = generation("g1", 1, { web: 3 });
    expect(world.plan().steps).toMatchObject([
      { kind: "start", index: 2 },
      { kind: "start", index: 3 },
    ]);
  });

  test("down lets the highest indexes go, after their routes", () => {
    const world = upWith({ web: 3 });
    world.current = generation("g1", 1, { web: 1 });
    expect(world.plan().steps).toMatchObject([{ kind: "route", targets: ["c1"] }]);
    world.pass();
    expect(world.plan().steps).toMatchObject([
      { kind: "retire", instance: { index: 2 } },
      { kind: "retire", instance: { index: 3 } },
    ]);
  });
});

describe("a crash", () => {
  test("takes the instance out of the routes and starts it again at once the first time", () => {
    const world = upWith({ web: 2 });
    world.crash("c1");
    expect(world.plan().steps).toMatchObject([
      { kind: "remove" },
      { kind: "start", index: 1, crashes: 1 },
      { kind: "route", targets: ["c2"] },
    ]);
  });

  test("that repeats waits longer each time", () => {
    const world = upWith({ worker: 1 });
    world.instances = world.instances.map((c) => ({ ...c, crashes: 3 }));
    world.crash("c1");
    expect(world.plan()).toMatchObject({ steps: [], wakeAt: world.now + 30_000 });
    world.now += 30_000;
    expect(kinds(world)).toEqual(["remove", "start"]);
  });

  test("after a long good run counts as the first", () => {
    const world = upWith({ worker: 1 });
    world.instances = world.instances.map((c) => ({ ...c, crashes: 7 }));
    world.now += 10 * 60_000;
    world.crash("c1");
    expect(world.plan().steps).toMatchObject([{ kind: "remove" }, { kind: "start", crashes: 1 }]);
  });

  test("by never listening ends the instance so that it starts again", () => {
    const world = upWith({ web: 1 });
    world.restartDaemon();
    world.routed = new Set();
    world.now += 60_000;
    expect(kinds(world)).toContain("kill");
  });
});

describe("what the router is told of a type", () => {
  test("before the first release nothing, then that it starts, also when that comes to nothing", () => {
    const world = new World();
    world.pass();
    expect(world.serving).toBe("blank");
    world.candidate = generation("g1", 1, { web: 1, worker: 1 });
    world.pass();
    expect(world.serving).toEqual({ web: "starting" });
    world.crash("c1");
    world.pass();
    world.pass();
    expect(world.serving).toBe("blank");
  });

  test("it starts after a stop, and after a crash as long as it is started again at once", () => {
    const world = upWith({ web: 1 });
    expect(world.serving).toEqual({ web: "running" });
    world.current = generation("g1", 1, { web: 0 });
    world.settle();
    expect(world.serving).toEqual({ web: "stopped" });
    world.current = generation("g1", 1, { web: 1 });
    world.pass();
    expect(world.serving).toEqual({ web: "starting" });
    world.settle();
    const seen: unknown[] = [];
    for (let crash = 0; crash < 4; crash += 1) {
      world.crash(world.instances[0]?.id ?? "");
      world.pass();
      seen.push(world.serving);
      world.now += 2_000;
      world.settle();
    }
    // The fourth pauses for 30 s.
    expect(seen.slice(0, 1)).toEqual([{ web: "starting" }]);
    expect(seen.at(-1)).toEqual({ web: "crashed" });
    expect(world.serving).toEqual({ web: "running" });
  });

  test("one type may start while another runs", () => {
    const world = new World();
    const api = process("api", "g1", 1, { port: 8080 });
    const base = generation("g1", 1, { web: 1 });
    world.candidate = { ...base, processes: [...base.processes, api] };
    world.settle();
    world.crash(world.instances.find((one) => one.type === "api")?.id ?? "");
    world.pass();
    expect(world.serving).toEqual({ web: "running", api: "starting" });
  });
});

describe("generations that may not overlap", () => {
  const replace = (world: World) => {
    world.strategy = "recreate";
    world.candidate = generation("g2", 2, { web: 1, worker: 1 });
  };

  test("make room first, while requests are told to wait", () => {
    const world = upWith({ web: 1, worker: 1 });
    replace(world);
    const seen: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      world.now += 300;
      world.passChecks();
      seen.push(...world.pass().map((step) => step.kind));
      if (seen.includes("route") && !seen.includes("promote")) expect(world.serving).toEqual({ web: "starting" });
    }
    expect(seen).toEqual(["route", "retire", "retire", "start", "start", "promote", "route"]);
    expect(world.serving).toEqual({ web: "running" });
  });

  test("wait for what is still being stopped, in both directions", () => {
    const world = upWith({ web: 1 });
    const [old] = world.instances;
    if (old === undefined) throw new Error("no instance");
    replace(world);
    const starts = () => kinds(world).filter((kind) => kind === "start").length;
    world.routed = new Set();
    world.instances = [{ ...old, retiring: true }];
    expect(starts()).toBe(0);
    world.instances = [];
    expect(starts()).toBe(2);
    world.pass();
    const [failed] = world.instances;
    if (failed === undefined) throw new Error("no instance");
    world.candidate = undefined;
    world.instances = [{ ...failed, retiring: true }];
    expect(starts()).toBe(0);
    world.instances = [];
    expect(starts()).toBe(1);
  });

  test("that do not come up give the place back", () => {
    const world = upWith({ web: 1 });
    replace(world);
    for (let i = 0; i < 4 && world.instances.every((one) => one.cohort === "g1"); i += 1) world.pass();
    world.crash(world.instances[0]?.id ?? "");
    world.settle();
    expect(world.failed).toEqual(["g2"]);
    expect(world.instances.map((one) => one.cohort)).toEqual(["g1"]);
    expect(world.serving).toEqual({ web: "running" });
  });
});

test("a daemon that comes back leaves routed instances in the routes until it knows better", () => {
  const world = upWith({ web: 2 });
  world.restartDaemon();
  expect(kinds(world)).toEqual([]);
});

test("a daemon that comes back gives a running instance its whole boot time again before it ends it", () => {
  const world = upWith({ web: 1 });
  world.now += 3_600_000;
  world.restartDaemon();
  world.now += 59_000;
  expect(kinds(world)).toEqual([]);
  world.now += 1_000;
  expect(kinds(world)).toEqual(["kill"]);
});

test("a start that the engine refused is tried again at growing intervals", () => {
  const world = upWith({ web: 1 });
  world.current = generation("g1", 1, { web: 2 });
  const refused = { type: "web" as ProcessType, index: 2, version: 1, at: world.now, crashes: 2, reason: "no" };
  world.failedStarts.set(slotKey(process("web", "g1", 2), 2), { ...refused, times: 3 });
  expect(world.plan()).toMatchObject({ steps: [], wakeAt: world.now + 4000, waiting: [{ index: 2 }] });
  world.now += 4000;
  expect(world.plan().steps).toMatchObject([{ kind: "start", index: 2, crashes: 2 }]);
});

test("of two containers for one slot the one that is up stays", () => {
  const world = upWith({ web: 1 });
  const twin = world.instances[0];
  if (twin)
    world.instances.push({
      ...twin,
      id: "twin",
      health: { state: "pending", since: world.now, lastProblem: undefined },
    });
  expect(world.plan().steps).toMatchObject([{ kind: "retire", instance: { id: "twin" } }]);
});

test("an app that is gone loses everything", () => {
  const world = upWith({ web: 2, worker: 1 });
  world.current = undefined;
  world.settle();
  expect(world.instances).toEqual([]);
  expect(world.routed.size).toBe(0);
});

const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("pass" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("checks" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: 1, max: 40_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), at: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("scale" as const), count: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("push" as const), web: fc.nat(3), worker: fc.nat(2) }) },
);

test.each(["rolling", "recreate"] as const)(
  "whatever happens, %s converges, and lets nothing go too early",
  (strategy) => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const world = new World();
        world.strategy = strategy;
        let pushes = 0;
        for (const happening of events) {
          if (happening.kind === "checks") world.passChecks();
          if (happening.kind === "time") world.now += happening.ms;
          if (happening.kind === "crash")
            world.crash(world.instances[happening.at % Math.max(world.instances.length, 1)]?.id ?? "");
          if (happening.kind === "restart") world.restartDaemon();
          if (happening.kind === "scale" && world.current && !world.candidate) {
            const web = "web" as ProcessType;
            world.current = {
              ...world.current,
              processes: world.current.processes.map((p) => (p.type === web ? { ...p, count: happening.count } : p)),
            };
          }
          if (happening.kind === "push" && !world.candidate) {
            pushes += 1;
            world.candidate = generation(`g${pushes}`, pushes, { web: happening.web, worker: happening.worker });
          }
          if (happening.kind === "pass") assertedPass(world);
        }
        for (let i = 0; i < 400 && !isDone(world); i += 1) {
          world.now += 20_000;
          world.passChecks();
          assertedPass(world);
        }
        expect(isDone(world)).toBe(true);
        const wanted = (world.current?.processes ?? []).flatMap((p) =>
          Array.from({ length: p.count }, (_, i) => `${p.type}.${i + 1}`),
        );
        expect(world.instances.map((c) => `${c.type}.${c.index}`).toSorted()).toEqual(wanted.toSorted());
        expect([...world.routed].toSorted()).toEqual(
          world.instances
            .filter((c) => c.port !== undefined)
            .map((c) => c.id)
            .toSorted(),
        );
      }),
      { numRuns: 400 },
    );
  },
);

function isDone(world: World): boolean {
  const { steps, waiting } = world.plan();
  return steps.length === 0 && waiting.length === 0 && world.candidate === undefined;
}

/** Carries a pass out and checks what must never happen in it. */
function assertedPass(world: World): void {
  const before = {
    current: world.current,
    candidate: world.candidate,
    routed: new Set(world.routed),
    instances: [...world.instances],
  };
  const healthyBefore = before.candidate && world.healthyOf(before.candidate);
  const steps = world.pass();
  for (const step of steps) {
    if (step.kind === "retire") expect(before.routed.has(step.instance.id)).toBe(false);
    if (step.kind === "promote") {
      const wanted = step.generation.processes.reduce((sum, p) => sum + p.count, 0);
      expect(healthyBefore).toBe(wanted);
    }
    if (step.kind === "start" && world.strategy === "recreate") {
      expect(before.instances.filter((one) => one.cohort !== step.process.cohort)).toEqual([]);
    }
    if (step.kind === "retire" && before.candidate && world.strategy === "rolling") {
      const slot = before.instances.find((c) => c.id === step.instance.id);
      const stillWanted = before.current?.processes.some(
        (p) => p.cohort === slot?.cohort && p.type === slot.type && (slot?.index ?? 0) <= p.count,
      );
      const twins = before.instances.filter(
        (c) => c.cohort === slot?.cohort && c.type === slot.type && c.index === slot.index,
      );
      expect(stillWanted && twins.length === 1).toBeFalsy();
    }
  }
}
