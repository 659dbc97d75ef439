import { createHash } from "node:crypto";
import type { BuildContext } from "./build-context.ts";
import { runRef, sorted } from "./layer-key.ts";
import type { LayersResult } from "./layers.ts";
import type { BuildPlan, PlanCommand } from "./plan.ts";
import type { Workspace } from "./workspace.ts";

const clock = ["date", "+%s.%N"];
// $1 is when the build step began, the others are folders of /app. The first line is a digest, the others are the folders that are there. What has
// not changed since then is as the layer has it, so its name is enough; nobody but the kernel sets the time of a change (ctime).
const look = `set -euo pipefail
cd /app
since=$1; shift
there=()
for folder; do if [ -d "$folder" ] && [ ! -L "$folder" ]; then there+=("$folder"); fi; done
[ "\${#there[@]}" -gt 0 ] || exit 0
{
  find "\${there[@]}" -printf '%p %y %l %m\\0'
  find "\${there[@]}" -type f -newerct "@$since" -print0 | xargs -0r sha256sum -z
} | LC_ALL=C sort -z | sha256sum
printf '%s\\n' "\${there[@]}"`;

/** What layers have put below /app for the run time: `node_modules`, `vendor`. */
export function appFolders(plan: Pick<BuildPlan, "layers">): readonly string[] {
  const kept = plan.layers.filter((layer) => layer.launch).flatMap((layer) => layer.keep);
  return kept.filter((path) => path.startsWith("/app/")).map((path) => path.slice("/app/".length));
}

/** To be asked before the first command of the build step; undefined when there is nothing to keep apart. */
export async function beganAt(
  context: BuildContext,
  plan: BuildPlan,
  workspace: Workspace,
): Promise<string | undefined> {
  if (appFolders(plan).length === 0) return undefined;
  const answer = (await ask(context, workspace, clock))?.trim();
  return answer !== undefined && /^\d+\.\d+$/.test(answer) ? answer : undefined;
}

export interface BuildEnd {
  /** When the first command began; undefined where there is nothing to keep apart. */
  readonly since: string | undefined;
  /** The last command, which has not run yet; it is not run for what it has pruned before. */
  readonly pruning: PlanCommand | undefined;
}

/**
 * Dependencies as the build step leaves them go into an image of their own, on which the app's droplets stand for as
 * long as they stay the same: a change of code copies the app alone, and a droplet takes no more than that. Answers the
 * image for the droplet to start from; what it holds is gone from the workspace.
 */
export async function keepApart(
  context: BuildContext,
  plan: BuildPlan,
  layers: LayersResult,
  workspace: Workspace,
  { since, pruning }: BuildEnd,
): Promise<string> {
  const script = ["bash", "-c", look, "look", since ?? "", ...appFolders(plan)];
  const [digest = "", ...folders] = since === undefined ? [] : linesOf(await ask(context, workspace, script));
  const prune = async () => pruning && (await workspace.run(pruning, plan.path));
  if (digest === "" || folders.length === 0) {
    await prune();
    return layers.runImage;
  }
  const { engine, input, signal } = context;
  const pruned = pruning === undefined ? [] : [pruning.argv, sorted(pruning.env ?? {}), sorted(input.config)];
  const key = createHash("sha256")
    .update(JSON.stringify([input.app.id, layers.key, digest, ...pruned]))
    .digest("hex");
  const paths = folders.map((folder) => `/app/${folder}`);
  const ref = runRef(key, layers.runImage, paths);
  context.used([ref]);
  if (await engine.hasImage(ref, signal)) context.out.detail("Dependencies as before the build, reused");
  else {
    await prune();
    await keep(context, workspace, { from: layers.runImage, ref, key, paths });
  }
  await ask(context, workspace, ["rm", "-rf", "--", ...paths]);
  return ref;
}

interface Kept {
  readonly from: string;
  readonly ref: string;
  readonly key: string;
  readonly paths: readonly string[];
}

function keep(context: BuildContext, workspace: Workspace, { from, ref, key, paths }: Kept): Promise<void> {
  const { engine, owner, signal } = context;
  return context.timed("keep the dependencies", async () => {
    const id = await engine.create({ owner, image: from, run: undefined });
    try {
      for (const path of paths) await engine.copy(path, workspace.id, id, signal);
      signal.throwIfAborted();
      await engine.commit(id, { kind: "layer", ref, key });
    } finally {
      context.remove(id);
    }
  });
}

/** What a command of our own printed; undefined when it failed. */
async function ask(context: BuildContext, workspace: Workspace, argv: readonly string[]): Promise<string | undefined> {
  const printed: Uint8Array[] = [];
  const onOutput = (chunk: Uint8Array, from: string): void => {
    if (from === "stdout") printed.push(chunk);
  };
  const code = await context.engine.exec(workspace.id, { argv, user: "root", env: {} }, onOutput, context.signal);
  return code === 0 ? Buffer.concat(printed).toString() : undefined;
}

function linesOf(text: string | undefined): readonly string[] {
  return (text ?? "").split("\n").filter((line) => line !== "");
}
