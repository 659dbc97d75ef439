import type { ConfigVars, ProcessCommand } from "../../core/types.ts";
import type { BuildContext } from "../build-context.ts";
import type { BuildPlan } from "../plan.ts";
import type { Scripts } from "./scripts.ts";
import type { StagedBuildpack } from "./stage.ts";

/** One buildpack of an app, in the order in which they run. */
export type Link =
  | { readonly kind: "external"; readonly buildpack: StagedBuildpack }
  /** Ours: its layers are there before anything runs, its build step has its place in the order. */
  | { readonly kind: "builtin"; readonly label: string; readonly plan: BuildPlan };

export interface ChainInput {
  readonly context: BuildContext;
  readonly scripts: Scripts;
  readonly links: readonly Link[];
  /** Where the app's files are. */
  readonly buildDir: string;
  /** PATH for the scripts: with what a built-in one brings. */
  readonly path: string;
  /** Runs the build step of the built-in one with what those before it have exported. */
  readonly runBuiltin: (exports: readonly string[]) => Promise<void>;
}

export interface ChainOutcome {
  /** What the buildpacks call themselves. */
  readonly names: readonly string[];
  readonly processes: readonly ProcessCommand[];
  /** Defaults of the run time. */
  readonly env: ConfigVars;
}

const maxNameLength = 80;

/** The first line with something in it, as one that can be shown. */
export function displayName(printed: string, fallback: string): string {
  const lines = printed.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "").split(/[\r\n]/);
  const name = (lines.find((line) => line.trim() !== "") ?? "").replace(/[\u0000-\u001f\u007f]/g, "").trim();
  if (name === "") return fallback;
  return name.length > maxNameLength ? `${name.slice(0, maxNameLength)}…` : name;
}
