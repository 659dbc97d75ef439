import type { AppId, ProcessType } from "../../../server/core/ids.ts";
import type { Strategy } from "../../../server/core/types.ts";
import type {
  Desired,
  DesiredGeneration,
  DesiredProcess,
  FailedStart,
  Observed,
  ObservedInstance,
  Step,
} from "../../../server/scheduler/desired.ts";
import type { Serving } from "../../../server/scheduler/ports.ts";
import { plan } from "../../../server/scheduler/plan.ts";

export const appId = "app000000001" as AppId;

export function process(
  type: string,
  cohort: string,
  count: number,
  over: Partial<DesiredProcess> = {},
): DesiredProcess {
  return {
    type: type as ProcessType,
    cohort,
    count,
    memoryMb: 512,
    cpus: 1,
    command: ["run"],
    env: {},
    port: type === "web" ? 8080 : undefined,
    checks: { path: undefined, bootTimeoutMs: 60_000, settleMs: 500 },
    ...over,
  };
}

export function generation(id: string, version: number, counts: Readonly<Record<string, number>>): DesiredGeneration {
  return {
    id,
    version,
    imageId: `sha256:${id}`,
    processes: Object.entries(counts).map(([type, n]) => process(type, id, n)),
  };
}

/** A model of engine, router and store that carries steps out at once: what the executors do, without the doing. */
export class World {
  now = 1_000_000;
  current: DesiredGeneration | undefined;
  candidate: DesiredGeneration | undefined;
  instances: ObservedInstance[] = [];
  strategy: Strategy = "rolling";
  routed = new Set<string>();
  serving: Serving = "blank";
  displaced = false;
  failedStarts = new Map<string, FailedStart>();
  failed: string[] = [];
  #next = 1;

  desired(): Desired {
    const { current, candidate, strategy } = this;
    return { appId, appName: "shop", space: "default", current, candidate, strategy };
  }

  observed(): Observed {
    const { instances, routed, serving, displaced, failedStarts } = this;
    return { instances, routed, serving, displaced, failedStarts };
  }

  plan() {
    return plan(this.desired(), this.observed(), this.now);
  }

  /** One pass: decides and carries out. Answers the steps. */
  pass(): readonly Step[] {
    const { steps } = this.plan();
    for (const step of steps) this.#apply(step);
    return steps;
  }

  /** Passes until nothing is left to do, time running on, checks passing. */
  settle(maxPasses = 200): number {
    for (let passes = 1; passes <= maxPasses; passes += 1) {
      this.now += 300;
      this.passChecks();
      if (this.pass().length === 0 && this.plan().waiting.length === 0 && this.candidate === undefined) return passes;
    }
    throw new Error(`not converged: ${JSON.stringify({ plan: this.plan(), instances: this.instances })}`);
  }

  passChecks(): void {
    this.instances = this.instances.map((c) =>
      c.state === "running" && c.health.state === "pending" ? { ...c, health: { state: "passed", at: this.now } } : c,
    );
  }

  crash(id: string): void {
    this.instances = this.instances.map((c) =>
      c.id === id && c.state === "running"
        ? {
            ...c,
            state: "exited",
            finishedAt: this.now,
            exit: { code: 1, oomKilled: false },
            health: { state: "pending", since: undefined, lastProblem: undefined },
          }
        : c,
    );
  }

  /** The daemon is killed and comes back: health is unknown again, the router still routes as before. */
  restartDaemon(): void {
    this.instances = this.instances.map((c) => ({
      ...c,
      health: { state: "pending", since: c.state === "running" ? this.now : undefined, lastProblem: undefined },
      retiring: false,
    }));
  }

  healthyOf(gen: DesiredGeneration): number {
    return this.instances.filter((c) => c.cohort === gen.id && c.state === "running" && c.health.state === "passed")
      .length;
  }

  #apply(step: Step): void {
    switch (step.kind) {
      case "start":
        this.instances.push(this.#container(step));
        break;
      case "remove":
      case "retire":
        this.instances = this.instances.filter((c) => c.id !== step.instance.id);
        break;
      case "kill":
        this.crash(step.instance.id);
        break;
      case "route":
        this.routed = new Set(step.targets);
        this.serving = step.serving;
        this.displaced = false;
        break;
      case "promote":
        this.current = step.generation;
        this.candidate = undefined;
        break;
      case "fail":
        this.failed.push(step.generation.id);
        this.candidate = undefined;
        break;
    }
  }

  #container(step: Extract<Step, { kind: "start" }>): ObservedInstance {
    const id = `c${this.#next++}`;
    return {
      id,
      appId,
      cohort: step.process.cohort,
      version: step.generation.version,
      type: step.process.type,
      index: step.index,
      crashes: step.crashes,
      state: "running",
      createdAt: this.now,
      startedAt: this.now,
      finishedAt: undefined,
      exit: undefined,
      address: "10.0.0.2",
      port: step.process.port,
      health: { state: "pending", since: this.now, lastProblem: undefined },
      retiring: false,
    };
  }
}
