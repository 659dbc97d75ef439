import { createHash } from "node:crypto";
import type { ConfigVars } from "../core/types.ts";
import type { BuildPlan, PlanLayer } from "./plan.ts";

/** Raised when the way in which layers are made changes: older ones are then not used any more. */
const formatVersion = 1;

/** What a key is made of beside the plan. */
export interface KeyInput {
  readonly stackId: string;
  readonly space: string;
  /** Goes into the key of layers that have a command which sees it. */
  readonly config: ConfigVars;
  /** Digest of the files of a layer. */
  readonly filesDigest: (files: readonly string[]) => Promise<string>;
}

export interface KeyedLayer {
  readonly layer: PlanLayer;
  readonly key: string;
  /**
   * Nothing of the app went into it or into those before: shared by all apps of the machine, and made without the
   * app's cache, which the app itself can write to.
   */
  readonly isShared: boolean;
}

/**
 * A key per layer: a hash of everything that goes into it, the layers before included. One that has files of an app
 * in it is shared within the space only, since what a package manager finds in an app's cache is under that app's control.
 */
export async function layerKeys(
  plan: Pick<BuildPlan, "layers" | "path">,
  input: KeyInput,
): Promise<readonly KeyedLayer[]> {
  const keyed: KeyedLayer[] = [];
  let parent = sha256(["paas layer", formatVersion, input.stackId, plan.path]);
  let isShared = true;
  for (const layer of plan.layers) {
    const seesConfig = layer.commands.some((c) => c.withConfig);
    const inputs = sorted(layer.inputs ?? {});
    isShared &&= layer.files.length === 0 && inputs.length === 0 && !seesConfig;
    const files = layer.files.length === 0 ? "" : await input.filesDigest(layer.files);
    const config = seesConfig ? sorted(input.config) : [];
    const commands = layer.commands.map((c) => [c.argv, c.user, sorted(c.env ?? {})]);
    const key = sha256([parent, isShared ? "" : input.space, layer.name, commands, layer.keep, files, inputs, config]);
    keyed.push({ layer, key, isShared });
    parent = key;
  }
  return keyed;
}

/** Without what is made up for the app once it is built: nothing that is built depends on it. */
export function configOfKeys(config: ConfigVars, { secrets = [] }: Pick<BuildPlan, "secrets">): ConfigVars {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !secrets.includes(key)));
}

/** The image that holds a layer with all that its commands left, for later layers and the build step. */
export function buildRef(key: string): string {
  return `paas/layer:build-${key.slice(0, 40)}`;
}

/**
 * The image of the run time with `keep` of a layer on top of `from`. What is kept may differ with the same layer: a
 * droplet with a build step takes /app from there.
 */
export function runRef(key: string, from: string, keep: readonly string[]): string {
  return `paas/layer:run-${sha256([key, from, keep]).slice(0, 40)}`;
}

export function sorted(env: ConfigVars): readonly (readonly [string, string])[] {
  return Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
}

function sha256(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
