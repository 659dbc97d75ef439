import type { ProcessCommand } from "../core/types.ts";
import type { BuildContext } from "./build-context.ts";
import { aptPackages, joinSystem } from "./aptfile.ts";
import { type BuildpackChoice, chooseBuildpacks } from "./buildpack-api/choose.ts";
import type { BuildpackReference } from "./buildpack-api/reference.ts";
import { type Decision, decide } from "./detect.ts";
import { BuildFailed } from "./failure.ts";
import { installFolder, memberProcesses, placedIn, startedBy } from "./monorepo.ts";
import type { Available, Buildpack, BuildPlan, SourceView } from "./plan.ts";
import { parseProcfile } from "./procfile.ts";
import { directorySource } from "./source-view.ts";
import { joinPlans, withoutStart } from "./several.ts";
import type { SystemPackages } from "./system-packages.ts";

/** What the plan of a Procfile alone says. */
const noRuntime = "none";
/** The buildpack that an Aptfile stands for. */
const apt = "apt";
const shownNames = 8;

export type Prepared =
  | { readonly kind: "dockerfile"; readonly procfile: readonly ProcessCommand[] | undefined }
  /** The plan is for the whole repository in /app. */
  | { readonly kind: "plan"; readonly plan: BuildPlan; readonly processes: readonly ProcessCommand[] }
  /** Buildpacks of other people, `plan` being that of one of ours among them. */
  | {
      readonly kind: "buildpacks";
      readonly references: readonly BuildpackReference[];
      readonly plan: BuildPlan | undefined;
      /** What the repository asks for by an Aptfile. */
      readonly system: SystemPackages | undefined;
    };

type BuiltinReference = Extract<BuildpackReference, { kind: "builtin" }>;

export interface PrepareDeps {
  readonly buildpacks: readonly Buildpack[];
  readonly available: (needsRegistry: boolean, signal: AbortSignal) => Promise<Available>;
  /** The app's own list of buildpacks. */
  readonly listed: readonly string[];
}

/**
 * Everything that can be known before anything runs: the Procfile is valid, who builds, how.
 * @throws BuildFailed, or AppError of the Procfile
 */
export async function prepare(context: BuildContext, deps: PrepareDeps): Promise<Prepared> {
  const { out } = context;
  const { root = "", sourceDir, repositoryDir = sourceDir } = context.input;
  const own = directorySource(sourceDir);
  const top = directorySource(repositoryDir);
  const base = installFolder(top, root);
  const source = base === root ? own : startedBy(own, top);
  if (base !== root)
    out.detail(`${root} is part of a workspace: it is installed and built at the top of the repository`);
  const procfile = readProcfile(own);
  const choice = withoutApt(choose(context, own, deps));
  if (choice.kind === "invalid") throw new BuildFailed(choice.reason, choice.hint);
  if (choice.kind === "list") {
    const listed = await prepareList(context, deps, own, choice);
    if (listed !== undefined) return listed;
  }
  const decision = decideFor(context, source, deps, choice);
  if (decision.kind === "nothing") {
    for (const line of decision.details) out.detail(line);
    throw new BuildFailed(decision.reason, decision.hint);
  }
  const because = choice.kind === "detect" ? choice.notes : [`Named by ${choice.from}`];
  if (decision.kind === "dockerfile") {
    out.step(`${decision.path} found`);
    for (const note of [...because, ...decision.notes]) out.detail(note);
    return { kind: "dockerfile", procfile };
  }
  out.step(`${decision.buildpack.label ?? capitalised(decision.buildpack.name)} app detected`);
  for (const note of [...because, ...decision.notes]) out.detail(note);
  const plan = await planOf(context, deps, source, decision.buildpack);
  const system = joinSystem(plan.system, systemOf(context, source));
  const whole = placedIn(system === undefined ? plan : { ...plan, system }, base);
  const defaults = base === root ? plan.processes : memberProcesses(own);
  return { kind: "plan", plan: whole, processes: startable(procfile ?? defaults) };
}

/** Packages that the repository asks for are in the droplet, and so in the build. */
function systemOf(context: BuildContext, source: SourceView): SystemPackages | undefined {
  const asked = aptPackages(source);
  if (asked === undefined) return undefined;
  const more = asked.names.length > shownNames ? ` and ${asked.names.length - shownNames} more` : "";
  context.out.detail(`${asked.file} asks for ${asked.names.slice(0, shownNames).join(", ")}${more}`);
  return { build: [], run: asked.names };
}

/** `heroku-community/apt` reads the Aptfile, which is read anyway: alone it leaves the rest to detection. */
function withoutApt(choice: BuildpackChoice): BuildpackChoice {
  if (choice.kind !== "list") return choice;
  const references = choice.references.filter((r) => r.kind !== "builtin" || r.name !== apt);
  return references.length === 0 ? { kind: "detect", notes: [] } : { ...choice, references };
}

function choose(context: BuildContext, source: SourceView, deps: PrepareDeps): BuildpackChoice {
  const sources = {
    setting: deps.listed,
    configVar: context.input.config["BUILDPACK_URL"],
    file: source.read(".buildpacks"),
    appJson: context.input.buildpacks ?? [],
    hasDockerfile: source.list("").includes("Dockerfile"),
  };
  return chooseBuildpacks(sources, [...new Set(deps.buildpacks.map((b) => b.name)), apt]);
}

/** A Dockerfile of another name is found by nobody but who named it; a list of buildpacks comes before it. */
function decideFor(context: BuildContext, source: SourceView, deps: PrepareDeps, choice: BuildpackChoice): Decision {
  const { path } = context.dockerfile;
  if (path !== undefined && choice.kind !== "list") return { kind: "dockerfile", path, notes: [] };
  return decide(source, { buildpacks: deps.buildpacks, builder: builderOf(choice) });
}

/** What `decide` takes: one of our own that is named alone is a choice like any other. */
function builderOf(choice: BuildpackChoice): string | undefined {
  if (choice.kind === "dockerfile") return "dockerfile";
  const [only] = choice.kind === "list" ? choice.references : [];
  return only?.kind === "builtin" ? only.name : undefined;
}

/** Undefined when one of ours stands alone. */
async function prepareList(
  context: BuildContext,
  deps: PrepareDeps,
  source: SourceView,
  choice: Extract<BuildpackChoice, { kind: "list" }>,
): Promise<Prepared | undefined> {
  const { references, from } = choice;
  const builtin = references.filter((r) => r.kind === "builtin");
  const [ours, second] = builtin;
  if (ours !== undefined && references.length === 1) return undefined;
  if (ours !== undefined && second !== undefined) {
    if (builtin.length === references.length) return await prepareSeveral(context, deps, source, builtin, from);
    throw new BuildFailed(
      `${from} names two built-in buildpacks, ${ours.text} and ${second.text}, beside those of others.`,
      "Keep one, and write the other one as the address of a git repository.",
    );
  }
  context.out.step(`Buildpacks named by ${from}`);
  // One that is named by its address reads the Aptfile itself.
  const isForeign = references.some((r) => /buildpack-apt(\.git)?(#.*)?$/.test(r.text));
  const system = isForeign ? undefined : systemOf(context, source);
  if (ours === undefined) return { kind: "buildpacks", references, plan: undefined, system };
  const plan = await planOf(context, deps, source, compatible(deps, source, ours));
  return { kind: "buildpacks", references, plan, system: joinSystem(plan.system, system) };
}

/** Ours one after the other; the last one says how the app starts. */
async function prepareSeveral(
  context: BuildContext,
  deps: PrepareDeps,
  source: SourceView,
  references: readonly BuiltinReference[],
  from: string,
): Promise<Prepared> {
  const { out } = context;
  const chosen = references.map((reference) => compatible(deps, source, reference));
  out.step(`${chosen.map((b) => capitalised(b.name)).join(" and ")} app, as ${from} says`);
  const plans: BuildPlan[] = [];
  for (const [index, buildpack] of chosen.entries()) {
    const isLast = index === chosen.length - 1;
    plans.push(await planOf(context, deps, isLast ? source : withoutStart(source), buildpack));
  }
  const plan = joinPlans(plans);
  if (plan === undefined) throw new BuildFailed(`${from} names no buildpack.`, "Name one.");
  const system = joinSystem(plan.system, systemOf(context, source));
  const processes = startable(readProcfile(source) ?? plan.processes);
  return { kind: "plan", plan: system === undefined ? plan : { ...plan, system }, processes };
}

/** @throws BuildFailed when the buildpack does not find what it looks for */
function compatible(deps: PrepareDeps, source: SourceView, { name, text }: BuiltinReference): Buildpack {
  const named = deps.buildpacks.filter((b) => b.name === name);
  const found = named.find((b) => b.detect(source));
  if (found !== undefined) return found;
  throw new BuildFailed(
    `The app is not compatible with the buildpack ${text}: it looks for ${named.flatMap((b) => b.looksFor).join(", ")}.`,
    "Commit what it looks for, or take it out of the list.",
  );
}

async function planOf(
  context: BuildContext,
  deps: PrepareDeps,
  source: SourceView,
  buildpack: Buildpack,
): Promise<BuildPlan> {
  const { out } = context;
  const needsRegistry = buildpack.needsRegistry === true;
  const available = await context.timed("available versions", () => deps.available(needsRegistry, context.signal));
  const planned = buildpack.plan(source, available);
  if (!planned.ok) throw new BuildFailed(planned.reason, planned.hint);
  const { plan } = planned;
  for (const note of plan.notes) out.detail(note);
  if (plan.runtime !== noRuntime) out.step(`Using ${plan.runtime}`);
  return plan;
}

function readProcfile(source: SourceView): readonly ProcessCommand[] | undefined {
  const text = source.read("Procfile");
  return text === undefined ? undefined : parseProcfile(text);
}

function startable(processes: readonly ProcessCommand[]): readonly ProcessCommand[] {
  if (processes.length > 0) return processes;
  throw new BuildFailed(
    "Nothing says how to start the app.",
    'Add a file "Procfile" with a line like: web: node server.js',
  );
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
