import type { ConfigVars, DropletContent, ProcessCommand } from "../core/types.ts";
import type { BuildContext, StackImages } from "./build-context.ts";
import { beganAt, keepApart } from "./kept-apart.ts";
import { Bench, type LayersResult, makeLayers, repositoryOf } from "./layers.ts";
import { appFolder } from "./monorepo.ts";
import type { BuildPlan, PlanStep } from "./plan.ts";
import { sourceTar, textsTar } from "./source-tar.ts";
import { withSystemPackages } from "./system-images.ts";
import { pathOf } from "./workspace.ts";

export const defaultPort = 8080;

/**
 * Runs the app's profile scripts, then a command string as bash would; `exec` all the way, so that a signal to the
 * container reaches the app itself. The command string is an argument, never part of the script.
 */
export const buildpackLauncher: readonly string[] = [
  "/bin/bash",
  "-c",
  'for f in /app/.profile.d/*.sh /app/.profile; do [ -r "$f" ] && . "$f"; done; cd /app && exec /bin/bash -c "$1"',
  "launch",
];

/** The same for an app in a folder of its repository; the folder is an argument too. */
function launcherIn(root: string): readonly string[] {
  if (root === "") return buildpackLauncher;
  const script =
    'for f in "$0"/.profile.d/*.sh "$0"/.profile; do [ -r "$f" ] && . "$f"; done; cd "$0" && exec /bin/bash -c "$1"';
  return ["/bin/bash", "-c", script, appFolder(root)];
}

export function dropletRef(buildId: string): string {
  return `paas/droplet:${buildId}`;
}

/** Makes the droplet of a plan: layers, source, build step, image. */
export async function buildFromPlan(
  context: BuildContext,
  plan: BuildPlan,
  processes: readonly ProcessCommand[],
  bare: StackImages,
): Promise<DropletContent> {
  const stack = plan.system ? await withSystemPackages(context, bare, plan.system) : bare;
  using bench = new Bench(context);
  const layers = await makeLayers(context, plan, stack, bench);
  const { engine, owner, signal, input } = context;
  const runImage = plan.build ? await runBuildStep(context, plan, plan.build, layers, bench) : layers.runImage;
  signal.throwIfAborted();
  const id = await engine.create({ owner, image: runImage, run: undefined });
  try {
    await context.timed("put the source in place", async () => {
      if (plan.build) await engine.copy("/app", (await bench.at(layers.buildImage, true)).id, id, signal);
      else await engine.put(id, sourceTar(repositoryOf(input), signal), signal);
    });
    signal.throwIfAborted();
    const launcher = launcherIn(input.root ?? "");
    const image = { launcher, env: plan.env, path: pathOf(plan), processes };
    const imageId = await context.timed("make the droplet", () => commitDroplet(context, id, image));
    return {
      kind: "buildpack",
      imageId,
      processes,
      launcher,
      env: plan.env,
      port: defaultPort,
      builder: plan.runtime,
      bootTimeoutMs: plan.bootTimeoutMs,
      secrets: plan.secrets,
    };
  } finally {
    context.remove(id);
  }
}

/** Answers the image for the droplet to start from. */
async function runBuildStep(
  context: BuildContext,
  plan: BuildPlan,
  step: PlanStep,
  layers: LayersResult,
  bench: Bench,
): Promise<string> {
  context.out.step(step.title);
  const workspace = await bench.at(layers.buildImage, true);
  const since = await beganAt(context, plan, workspace);
  await workspace.put(sourceTar(repositoryOf(context.input), context.signal));
  if (step.inputs) await workspace.put(textsTar(step.inputs));
  const last = step.commands.at(-1);
  const pruning = last?.prunes === true ? last : undefined;
  const commands = pruning === undefined ? step.commands : step.commands.slice(0, -1);
  for (const command of commands) await workspace.run(command, plan.path);
  return await keepApart(context, plan, layers, workspace, { since, pruning });
}

export interface DropletImage {
  readonly launcher: readonly string[];
  readonly env: ConfigVars;
  readonly path: string;
  readonly processes: readonly ProcessCommand[];
}

/** Makes a filled container the image of a droplet; answers its id. */
export function commitDroplet(context: BuildContext, id: string, image: DropletImage): Promise<string> {
  const { launcher, path, processes } = image;
  const start = processes.find((p) => p.type === "web")?.command;
  const command = start === undefined ? ["/bin/bash"] : [...launcher, start];
  const env = { HOME: "/app", ...image.env, PATH: path };
  const { engine, owner } = context;
  return engine.commit(id, { kind: "droplet", ref: dropletRef(owner.buildId), owner, config: { env, command } });
}
