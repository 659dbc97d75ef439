import { expect } from "vitest";
import { buildpacks } from "../../../buildpacks/index.ts";
import { debian13 } from "../../../server/builds/available.ts";
import { decide } from "../../../server/builds/detect.ts";
import type { Available, BuildPlan, PlanResult, SourceView } from "../../../server/builds/plan.ts";
import { memorySource } from "../../../server/builds/source-view.ts";

export const available: Available = {
  node: ["26.1.0", "25.9.0", "24.21.0", "24.20.0", "23.11.1", "22.23.3", "20.20.8", "18.20.8", "14.21.3"],
  ...debian13,
  bun: ["1.4.5", "1.3.0", "1.2.21"],
  deno: ["2.9.6", "2.8.0"],
  npmRegistry: "https://registry.test/",
};

export type Files = Readonly<Record<string, string>>;

/** What the first buildpack that matches makes of these files. */
export function planOf(files: Files | SourceView): PlanResult {
  const source = isView(files) ? files : memorySource(files);
  const decision = decide(source, { buildpacks });
  if (decision.kind !== "buildpack") throw new Error(`no buildpack: ${JSON.stringify(decision)}`);
  return decision.buildpack.plan(source, available);
}

export function goodPlan(files: Files | SourceView): BuildPlan {
  const result = planOf(files);
  if (!result.ok) throw new Error(`${result.reason} ${result.hint}`);
  return result.plan;
}

/** Reason and hint of a refusal, as the pusher reads them. */
export function refusalOf(files: Files): string {
  const result = planOf(files);
  expect(result.ok).toBe(false);
  return result.ok ? "" : `${result.reason} | ${result.hint}`;
}

export function manifest(content: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ name: "shop", engines: { node: "24.x" }, scripts: { start: "node server.js" }, ...content });
}

/** A package-lock.json that holds these versions. */
export function npmLock(versions: Readonly<Record<string, string>>): string {
  const entries = Object.entries(versions).map(([name, version]) => [`node_modules/${name}`, { version }]);
  return JSON.stringify({ lockfileVersion: 3, packages: { "": {}, ...Object.fromEntries(entries) } });
}

export function commandsOf(plan: BuildPlan, layer: string): readonly string[] {
  return (plan.layers.find((l) => l.name === layer)?.commands ?? []).map((c) => c.argv.join(" "));
}

export function buildCommands(plan: BuildPlan): readonly string[] {
  return (plan.build?.commands ?? []).map((c) => c.name ?? c.argv.join(" "));
}

function isView(files: Files | SourceView): files is SourceView {
  return typeof files["has"] === "function";
}
