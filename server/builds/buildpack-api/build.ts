import type { DropletContent, ProcessCommand } from "../../core/types.ts";
import type { BuildContext, StackImages } from "../build-context.ts";
import { BuildFailed } from "../failure.ts";
import { Bench, makeLayers } from "../layers.ts";
import type { BuildPlan } from "../plan.ts";
import { parseProcfile } from "../procfile.ts";
import { folderTar, textsTar } from "../source-tar.ts";
import { withSystemPackages } from "../system-images.ts";
import type { SystemPackages } from "../system-packages.ts";
import { pathOf, type Workspace } from "../workspace.ts";
import type { ChainInput, ChainOutcome, Link } from "./chain.ts";
import { classicCacheDir, envDir, runClassic } from "./classic.ts";
import { foundryHome, isFoundry, runFoundry } from "./cloud-foundry.ts";
import { envDirFiles } from "./env-dir.ts";
import {
  type BuildpackFetcher,
  type BuildpackPins,
  fetchBuildpack,
  type FetchedBuildpack,
  removeFetched,
} from "./fetch.ts";
import { Builtin } from "./builtin.ts";
import { type BuildpackResult, keepBuilt, putInPlace } from "./keep.ts";
import type { BuildpackReference } from "./reference.ts";
import { mergeProcesses } from "./release.ts";
import { Scripts } from "./scripts.ts";
import { type StagedBuildpack, stageBuildpacks } from "./stage.ts";

/** The buildpacks of an app as they were named, and the plan of the one that is ours, if there is one. */
export interface BuildpackList {
  readonly references: readonly BuildpackReference[];
  readonly plan: BuildPlan | undefined;
  /** Packages to be there beside the stack's. */
  readonly system: SystemPackages | undefined;
}

export interface ExternalDeps {
  readonly fetcher: BuildpackFetcher;
  readonly pins: BuildpackPins;
}

/** Runs buildpacks of other people, and makes a droplet of what they leave. @throws BuildFailed */
export async function buildWithBuildpacks(
  whole: BuildContext,
  list: BuildpackList,
  external: ExternalDeps,
  bare: StackImages,
): Promise<DropletContent> {
  const { sourceDir } = whole.input;
  // Of a folder in a larger repository they see nothing else: it is the app, as at Heroku and Dokku.
  const context: BuildContext = { ...whole, input: { ...whole.input, repositoryDir: sourceDir } };
  const scratch = `${sourceDir}.buildpacks`;
  using bench = new Bench(context);
  try {
    const fetched = await context.timed("fetch the buildpacks", () =>
      fetchAll(context, list, { ...external, scratch }),
    );
    sayList(context, list, fetched);
    const { plan, system } = list;
    const stack = system ? await withSystemPackages(context, bare, system) : bare;
    const base = plan ? await makeLayers(context, withBuildStep(plan), stack, bench) : stack;
    const workspace = await bench.at(base.buildImage, true);
    const done = await runBuildpacks(context, { list, fetched, workspace });
    return await keepBuilt(context, { plan, workspace, runImage: base.runImage }, done);
  } finally {
    await removeFetched(scratch);
  }
}

/** Layers are then kept so that the container of the build step has all of `/app`. */
function withBuildStep(plan: BuildPlan): BuildPlan {
  return { ...plan, build: plan.build ?? { title: "", files: [], commands: [] } };
}

async function fetchAll(
  context: BuildContext,
  list: BuildpackList,
  deps: ExternalDeps & { readonly scratch: string },
): Promise<readonly FetchedBuildpack[]> {
  const fetched: FetchedBuildpack[] = [];
  for (const reference of list.references) {
    if (reference.kind !== "builtin") fetched.push(await fetchBuildpack(context, deps, reference));
  }
  return fetched;
}

function sayList(context: BuildContext, list: BuildpackList, fetched: readonly FetchedBuildpack[]): void {
  for (const [index, reference] of list.references.entries()) {
    const label = fetched.find((one) => one.reference === reference)?.label;
    context.out.detail(`${index + 1}. ${label ?? `${reference.text} (built in)`}`);
  }
}

export interface BuildpackRun {
  readonly list: BuildpackList;
  readonly fetched: readonly FetchedBuildpack[];
  /** Started, of the build image. */
  readonly workspace: Workspace;
}

/** Runs the buildpacks in a container; what they made is then in its `/app`. @throws BuildFailed */
export async function runBuildpacks(context: BuildContext, run: BuildpackRun): Promise<BuildpackResult> {
  const { workspace, fetched, list } = run;
  const staged = await stageBuildpacks(context, workspace, fetched);
  const foundry = isFoundry(staged);
  const scripts = new Scripts(context, workspace);
  const buildDir = list.plan ? "/app" : buildDirOf(context, foundry);
  await layOut(context, workspace, scripts, buildDir, foundry);
  const builtin = new Builtin(context, workspace, scripts, list.plan);
  await builtin.mark();
  const input: ChainInput = {
    context,
    scripts,
    links: linksOf(list, fetched, staged),
    buildDir,
    path: pathOf({ path: list.plan?.path ?? [] }),
    runBuiltin: (exports) => builtin.run(exports),
  };
  const outcome = await (foundry ? runFoundry(input) : runClassic(input));
  if (buildDir !== "/app") await putInPlace(scripts, buildDir, "/app");
  return { outcome, processes: await processesOf(context, scripts, outcome), foundry };
}

/** Heroku's is another one for each build; the same one each time lets caches hold that remember paths. */
function buildDirOf(context: BuildContext, foundry: boolean): string {
  return foundry ? "/tmp/app" : `/tmp/build_${context.owner.appId}`;
}

async function layOut(
  context: BuildContext,
  workspace: Workspace,
  scripts: Scripts,
  buildDir: string,
  foundry: boolean,
): Promise<void> {
  const { engine, input, signal } = context;
  const places = foundry
    ? [foundryHome, "/tmp/contents", "/cache/buildpacks"]
    : [envDir, "/cache/buildpacks", classicCacheDir];
  await engine.makeFolders(workspace.id, [...places, buildDir], "app", signal);
  await workspace.put(folderTar(input.sourceDir, buildDir.slice(1), signal));
  if (!foundry) await workspace.put(textsTar(envDirFiles(input.config, input.services), envDir.slice(1), 0o600));
  const cached = await scripts.command(["find", "/cache/buildpacks", "-mindepth", "2", "-print", "-quit"], "app");
  if (cached.text !== "") context.out.detail("Cache carried over from the last build");
}

function linksOf(
  list: BuildpackList,
  fetched: readonly FetchedBuildpack[],
  staged: readonly StagedBuildpack[],
): readonly Link[] {
  return list.references.flatMap((reference): Link[] => {
    if (reference.kind === "builtin")
      return list.plan ? [{ kind: "builtin", label: reference.text, plan: list.plan }] : [];
    const buildpack = staged[fetched.findIndex((one) => one.reference === reference)];
    return buildpack ? [{ kind: "external", buildpack }] : [];
  });
}

/** The Procfile that there is now: a buildpack may have written it. */
async function processesOf(
  context: BuildContext,
  scripts: Scripts,
  outcome: ChainOutcome,
): Promise<readonly ProcessCommand[]> {
  const { code, text } = await scripts.command(["cat", "--", "/app/Procfile"], "app");
  const declared = code === 0 && text.trim() !== "" ? parseProcfile(text) : [];
  const types = (list: readonly ProcessCommand[]) => list.map((p) => p.type).join(", ");
  context.out.step("Discovering process types");
  if (declared.length > 0) context.out.detail(`Procfile declares types -> ${types(declared)}`);
  const defaults = types(outcome.processes);
  if (defaults !== "") context.out.detail(`Default types for ${outcome.names.at(-1) ?? "buildpack"} -> ${defaults}`);
  const processes = mergeProcesses(outcome.processes, declared);
  if (processes.length > 0) return processes;
  throw new BuildFailed(
    "No start command is specified by a buildpack or by a Procfile.",
    'Add a file "Procfile" with a line like: web: node server.js',
  );
}
