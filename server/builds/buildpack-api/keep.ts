import type { ConfigVars, DropletContent, ProcessCommand } from "../../core/types.ts";
import type { BuildContext } from "../build-context.ts";
import { buildpackLauncher, commitDroplet, defaultPort } from "../droplet.ts";
import { BuildFailed } from "../failure.ts";
import type { BuildPlan } from "../plan.ts";
import { linksTar } from "../source-tar.ts";
import { pathOf, type Workspace } from "../workspace.ts";
import type { ChainOutcome } from "./chain.ts";
import { defaultFoundryStack, foundryHome } from "./cloud-foundry.ts";
import { Scripts } from "./scripts.ts";

export interface BuildpackResult {
  readonly outcome: ChainOutcome;
  readonly processes: readonly ProcessCommand[];
  /** They were Cloud Foundry's: the dependencies are to be kept beside the app. */
  readonly foundry: boolean;
}

/** Sources the scripts of the deps, of the app, and `.profile`, as Cloud Foundry's launcher does. */
const foundryLauncher: readonly string[] = [
  "/bin/bash",
  "-c",
  `cd ${foundryHome}/app; for f in ${foundryHome}/profile.d/* ./.profile.d/* ./.profile; do [ -f "$f" ] && . "$f"; done; exec /bin/bash -c "$1"`,
  "launch",
];

/** At run time. What droplets bring wins over what the stack says; config vars win over all. */
const foundryEnv: ConfigVars = {
  HOME: `${foundryHome}/app`,
  USER: "vcap",
  TMPDIR: `${foundryHome}/tmp`,
  DEPS_DIR: `${foundryHome}/deps`,
  CF_STACK: defaultFoundryStack,
};

interface Made {
  readonly plan: BuildPlan | undefined;
  readonly workspace: Workspace;
  readonly runImage: string;
}

/** Makes the droplet of what buildpacks left in their container. */
export async function keepBuilt(context: BuildContext, made: Made, result: BuildpackResult): Promise<DropletContent> {
  const { engine, owner, signal } = context;
  const { outcome, processes, foundry } = result;
  const { plan, workspace } = made;
  const env = { ...plan?.env, ...outcome.env, ...(foundry ? foundryEnv : {}) };
  const launcher = foundry ? foundryLauncher : buildpackLauncher;
  signal.throwIfAborted();
  const id = await engine.create({ owner, image: made.runImage, run: undefined });
  try {
    await context.timed("put the app in place", async () => {
      await engine.copy("/app", workspace.id, id, signal);
      if (foundry) await keepFoundry(context, workspace, id);
    });
    const image = { launcher, env, path: pathOf({ path: plan?.path ?? [] }), processes };
    const imageId = await context.timed("make the droplet", () => commitDroplet(context, id, image));
    const builder = outcome.names.join(", ");
    return { kind: "buildpack", imageId, processes, launcher, env, port: defaultPort, builder };
  } finally {
    context.remove(id);
  }
}

/**
 * `/home/vcap/app` with `deps` and `profile.d` beside it. The folders themselves are at the top, where `..` of `/app`
 * leads to, so that both names of the app's folder find them.
 */
async function keepFoundry(context: BuildContext, workspace: Workspace, id: string): Promise<void> {
  const { engine, signal } = context;
  const scripts = new Scripts(context, workspace);
  for (const name of ["deps", "profile.d"]) {
    await putInPlace(scripts, `/tmp/contents/${name}`, `/${name}`);
    await engine.copy(`/${name}`, workspace.id, id, signal);
  }
  const home = foundryHome.slice(1);
  await engine.makeFolders(id, [foundryHome, `${foundryHome}/tmp`, `${foundryHome}/logs`], "app", signal);
  const links = { [`${home}/app`]: "/app", [`${home}/deps`]: "/deps", [`${home}/profile.d`]: "/profile.d" };
  await engine.put(id, linksTar(links), signal);
}

/** Root does it, who may replace `/app` itself; the two paths are arguments. */
const moveScript = '[ -d "$1" ] && [ ! -L "$1" ] && rm -rf -- "$2" && mv -T -- "$1" "$2"';

/** Moves a folder to the place of another. @throws BuildFailed */
export async function putInPlace(scripts: Scripts, from: string, to: string): Promise<void> {
  const { code } = await scripts.command(["/bin/sh", "-c", moveScript, "move", from, to], "root");
  if (code === 0) return;
  throw new BuildFailed(
    "What the buildpacks made could not be put in place.",
    "Does one of them remove the folder of the app, or go on writing in the background?",
  );
}
