import type { BuildPlan, PlanCommand, PlanLayer } from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";

/** A plan with nothing in it but what is given. */
export function testPlan(parts: Partial<BuildPlan> = {}): BuildPlan {
  return {
    buildpack: "test",
    runtime: "test 1.0",
    layers: [],
    build: undefined,
    env: {},
    path: [],
    processes: [{ type: web, command: "cat /app/app.txt" }],
    notes: [],
    ...parts,
  };
}

export function testLayer(name: string, parts: Partial<PlanLayer> = {}): PlanLayer {
  return { name, title: `Making ${name}`, launch: true, keep: [], files: [], commands: [], ...parts };
}

/** A command line for a shell, in tests. */
export function shell(script: string, parts: Partial<PlanCommand> = {}): PlanCommand {
  return { argv: ["bash", "-c", script], user: "app", withConfig: false, hint: "Mend it.", ...parts };
}
