import { describe, expect, test } from "vitest";
import { waitFor } from "../../../server/core/time.ts";
import type { HealthCheck } from "../../../server/core/types.ts";
import type { DesiredProcess } from "../../../server/scheduler/desired.ts";
import type { ObservedContainer } from "../../../server/scheduler/engine.ts";
import type { ProbeTarget } from "../../../server/scheduler/probe.ts";
import { Prober } from "../../../server/scheduler/prober.ts";
import { appId, generation, process, World } from "./world.ts";

const check = (name: string, over: Partial<HealthCheck> = {}): HealthCheck => ({
  name,
  probe: { kind: "path", path: `/${name}`, port: undefined, content: undefined, headers: {} },
  attempts: 2,
  timeoutMs: 1000,
  waitMs: 0,
  initialDelayMs: 0,
  warn: false,
  ...over,
});

const container: ObservedContainer = {
  id: "c1",
  appId,
  cohort: "g1",
  version: 1,
  type: "web" as ObservedContainer["type"],
  index: 1,
  crashes: 0,
  state: "running",
  createdAt: 0,
  startedAt: 0,
  finishedAt: undefined,
  exit: undefined,
  address: "10.0.0.2",
  port: 8080,
};

/** What answers badly is named in `bad`. */
function open(checks: Partial<DesiredProcess["checks"]>, over: Partial<DesiredProcess> = {}) {
  const bad = new Set<string>();
  const asked: (ProbeTarget | readonly string[])[] = [];
  const warnings: string[] = [];
  const prober = new Prober({
    probe: async (target) => {
      asked.push(target);
      return bad.has(target.path ?? `port ${target.port}`) ? `GET ${target.path} answered 500` : undefined;
    },
    exec: async (_id, argv) => {
      asked.push(argv);
      return { code: bad.has(argv.join(" ")) ? 3 : 0, lastLine: "no disk" };
    },
    now: Date.now,
    onChange: () => undefined,
    onWarning: (_app, instance, text) => void warnings.push(`${instance}: ${text}`),
  });
  const wanted = process("web", "g1", 1, over);
  const web = { ...wanted, checks: { ...wanted.checks, ...checks } };
  const health = (state: ObservedContainer["state"] = "running") =>
    prober.health({ ...container, state }, web, "shop.internal");
  const eventually = (want: object) =>
    waitFor(() => JSON.stringify(health()).includes(JSON.stringify(want).slice(1, -1)), {
      every: 10,
      signal: AbortSignal.timeout(10_000),
    });
  return { prober, bad, asked, warnings, health, eventually };
}

describe("startup checks", () => {
  test("all of them have to pass, beside the port", async () => {
    const { bad, eventually, health, asked } = open({
      startup: [check("up"), check("db", { probe: { kind: "command", argv: ["db", "check"] } })],
    });
    bad.add("db check");
    health();
    await eventually({ lastProblem: "db check exited with code 3: no disk" });
    bad.clear();
    await eventually({ state: "passed" });
    expect(asked).toContainEqual(expect.objectContaining({ path: "/up", port: 8080, isStrict: true, timeoutMs: 1000 }));
  });

  test("one that only warns keeps nobody waiting, and is told once its tries are over", async () => {
    const { bad, eventually, warnings, health } = open({ startup: [check("slow", { warn: true })] });
    bad.add("/slow");
    health();
    await eventually({ state: "passed" });
    await waitFor(() => warnings.length > 0, { every: 10, signal: AbortSignal.timeout(10_000) });
    expect(warnings).toEqual(['web.1: Check "slow" fails: GET /slow answered 500']);
  });

  test("a type without a port is asked too", async () => {
    const listening = check("admin", { probe: { kind: "listening", port: 9000 } });
    const { bad, eventually, health } = open({ startup: [listening] }, { port: undefined });
    bad.add("port 9000");
    expect(health().state).toBe("pending");
    bad.clear();
    await eventually({ state: "passed" });
  });

  test("wait for their initial delay", async () => {
    const { eventually, health } = open({ startup: [check("up", { initialDelayMs: 10 * 365 * 24 * 3_600_000 * 10 })] });
    health();
    await eventually({ lastProblem: "its checks wait for their initial delay" });
  });
});

describe("checks of an instance that is up", () => {
  test("liveness that fails as often as it may is the end of it", async () => {
    const { bad, eventually, health } = open({ liveness: [check("alive")] });
    health();
    await eventually({ state: "passed" });
    bad.add("/alive");
    await eventually({ state: "failed", lastProblem: "GET /alive answered 500" });
  });

  test("readiness that fails takes it out, and one that passes brings it back", async () => {
    const { bad, eventually, health } = open({ readiness: [check("ready")] });
    bad.add("/ready");
    health();
    await eventually({ state: "pending" });
    bad.clear();
    await eventually({ state: "passed" });
    bad.add("/ready");
    await eventually({ unready: "GET /ready answered 500" });
    bad.clear();
    await waitFor(() => !("unready" in health()), { every: 10, signal: AbortSignal.timeout(10_000) });
  });

  test("end with it", async () => {
    const { eventually, health, asked, prober } = open({ liveness: [check("alive")] });
    health();
    await eventually({ state: "passed" });
    health("exited");
    prober.retain(appId, new Set());
    const before = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(asked.length).toBeLessThanOrEqual(before + 1);
  });
});

describe("the plan", () => {
  const up = (): World => {
    const world = new World();
    world.candidate = generation("g1", 1, { web: 2 });
    world.settle();
    return world;
  };
  const first = (world: World, health: object) => {
    world.instances = world.instances.map((c) =>
      c.index === 1 ? { ...c, health: { ...c.health, ...health } as typeof c.health } : c,
    );
  };

  test("takes an instance that is not ready out of the routes, and back in", () => {
    const world = up();
    first(world, { unready: "GET /ready answered 500" });
    world.pass();
    expect([...world.routed]).toEqual(["c2"]);
    expect(world.instances).toHaveLength(2);
    first(world, { unready: undefined });
    world.pass();
    expect([...world.routed]).toEqual(["c1", "c2"]);
  });

  test("ends an instance whose liveness fails, and fails a release in which that happens", () => {
    const world = up();
    first(world, { state: "failed", lastProblem: "GET /alive answered 500" });
    expect(world.plan().steps).toContainEqual({
      kind: "kill",
      instance: { id: "c1", type: "web", index: 1 },
      cause: { kind: "dead", problem: "GET /alive answered 500" },
    });
    world.candidate = generation("g2", 2, { web: 1 });
    world.pass();
    world.instances = world.instances.map((c) =>
      c.cohort === "g2" ? { ...c, health: { state: "failed", lastProblem: "GET /alive answered 500" } } : c,
    );
    expect(world.plan().steps).toMatchObject([{ kind: "fail", cause: { kind: "dead" } }]);
  });
});
