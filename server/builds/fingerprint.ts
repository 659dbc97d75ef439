import { createHash } from "node:crypto";
import type { ConfigVars, ProcessCommand } from "../core/types.ts";
import type { BuildPlan, PlanStep } from "./plan.ts";

/** Raised when droplets are put together in another way. */
const formatVersion = 1;

export interface FingerprintInput {
  readonly commit: string;
  readonly root: string;
  readonly plan: BuildPlan;
  readonly processes: readonly ProcessCommand[];
  readonly stackId: string;
  readonly config: ConfigVars;
}

/**
 * A hash of all that a droplet is made from: the same one again would be the same droplet. The plan stands for buildpack,
 * settings and the versions that can be had; config vars count where a step sees them.
 */
export function fingerprintOf(input: FingerprintInput): string {
  const { commit, root, plan, processes, stackId, config } = input;
  const steps: readonly PlanStep[] = [...plan.layers, ...(plan.build ? [plan.build] : [])];
  const seesConfig = steps.some((step) => step.commands.some((command) => command.withConfig));
  const seen = seesConfig ? Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1)) : [];
  const all = [formatVersion, commit, root, plan, processes, stackId, seen];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}
