import type { BuildPlan, PlanStep, SourceView } from "./plan.ts";
import type { SystemPackages } from "./system-packages.ts";

/**
 * Several plans as one, in the order in which they were named: the layers and build steps of each after those before it;
 * the last one says how the app is started, as on Heroku.
 */
export function joinPlans(plans: readonly BuildPlan[]): BuildPlan | undefined {
  const last = plans.at(-1);
  if (last === undefined) return undefined;
  const steps = plans.map((p) => p.build).filter((step) => step !== undefined);
  const secrets = plans.flatMap((p) => p.secrets ?? []);
  const system = plans.map((p) => p.system).reduce(joinSystems, undefined);
  return {
    buildpack: plans.map((p) => p.buildpack).join(" and "),
    runtime: plans.map((p) => p.runtime).join(", "),
    layers: plans.flatMap((plan) => plan.layers),
    build: steps.length === 0 ? undefined : joinSteps(steps),
    env: Object.assign({}, ...plans.map((p) => p.env)) as BuildPlan["env"],
    ...(secrets.length > 0 && { secrets }),
    path: plans.toReversed().flatMap((p) => p.path),
    ...(last.bootTimeoutMs !== undefined && { bootTimeoutMs: last.bootTimeoutMs }),
    processes: last.processes,
    notes: plans.flatMap((p) => p.notes),
    ...(system !== undefined && { system }),
  };
}

/** The source as a buildpack sees it that is not the last: how the app starts is not its business. */
export function withoutStart(source: SourceView): SourceView {
  if (source.has("Procfile")) return source;
  return {
    ...source,
    has: (path) => path === "Procfile" || source.has(path),
    read: (path) => source.read(path),
    list: (folder) => source.list(folder),
  };
}

function joinSteps(steps: readonly PlanStep[]): PlanStep {
  return {
    title: steps.map((s) => s.title).join(", then "),
    files: [],
    inputs: Object.assign({}, ...steps.map((s) => s.inputs ?? {})) as Readonly<Record<string, string>>,
    commands: steps.flatMap((s) => s.commands),
  };
}

function joinSystems(one: SystemPackages | undefined, two: SystemPackages | undefined): SystemPackages | undefined {
  if (one === undefined || two === undefined) return one ?? two;
  return { build: [...new Set([...one.build, ...two.build])], run: [...new Set([...one.run, ...two.run])] };
}
