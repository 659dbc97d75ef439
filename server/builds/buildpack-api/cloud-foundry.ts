import { createHash } from "node:crypto";
import { parse } from "yaml";
import { z } from "zod";
import type { ConfigVars, ProcessCommand } from "../../core/types.ts";
import { BuildFailed } from "../failure.ts";
import { inMb } from "../limits.ts";
import type { ChainInput, ChainOutcome, Link } from "./chain.ts";
import { readRelease } from "./classic.ts";
import { mergeProcesses, parseLaunch } from "./release.ts";
import { assertRunnable, type ScriptCall } from "./scripts.ts";
import type { ScriptName, StagedBuildpack } from "./stage.ts";

/** Where Cloud Foundry has things while it stages. */
export const depsDir = "/tmp/contents/deps";
export const profileDir = "/tmp/contents/profile.d";
export const foundryCacheDir = "/cache/buildpacks/foundry";
export const foundryHome = "/home/vcap";
export const defaultFoundryStack = "cflinuxfs4";

// Messages and exit codes of its lifecycle: code.cloudfoundry.org/buildpackapplifecycle, models.go
const supplyFailed = "Failed to run all supply scripts (225): ";
const finalizeFailed = "Failed to run finalize script (226): ";
const compileFailed = "Failed to compile droplet (223): ";
const releaseFailed = "Failed to build droplet release (224): ";
const noSupply = "One of the buildpacks chosen to supply dependencies does not support multi-buildpack apps (225): ";
const noFinalize =
  "Warning: the last buildpack is not compatible with multi-buildpack apps and cannot make use of any dependencies " +
  "supplied by the buildpacks specified before it";
const outputAbove = "What it said last is above. Mend what it complains about, commit and push again.";

type External = Extract<Link, { kind: "external" }>;

/** A list is built Cloud Foundry's way as soon as one of its buildpacks supplies or finalizes. */
export function isFoundry(buildpacks: readonly StagedBuildpack[]): boolean {
  return buildpacks.some((b) => b.scripts.has("supply") || b.scripts.has("finalize"));
}

/**
 * Cloud Foundry's staging: all but the last buildpack supply, the last one supplies and finalizes, or compiles. Nothing
 * detects, since the buildpacks are named. https://docs.cloudfoundry.org/buildpacks/understand-buildpacks.html
 * @throws BuildFailed
 */
export async function runFoundry(input: ChainInput): Promise<ChainOutcome> {
  const { links } = input;
  const last = links.length - 1;
  for (const [index, link] of links.entries())
    if (link.kind === "external") assertWhole(link.buildpack, index === last);
  await makePlaces(input);
  let processes: readonly ProcessCommand[] = [];
  const names: string[] = [];
  for (const [index, link] of links.entries()) {
    if (link.kind === "builtin") {
      await input.runBuiltin([]);
      names.push(link.plan.runtime);
      processes = mergeProcesses(processes, link.plan.processes);
      continue;
    }
    const defaults = index === last ? await finish(input, link, index) : await supply(input, link, index);
    processes = mergeProcesses(processes, defaults);
    names.push(await nameOf(input, link, index));
  }
  return { names, processes, env: {} };
}

function assertWhole(buildpack: StagedBuildpack, isLast: boolean): void {
  const { scripts, label } = buildpack;
  if (!isLast && !scripts.has("supply")) {
    throw new BuildFailed(`${noSupply}${label} has no bin/supply.`, "Put it last in the list, or take it out.");
  }
  if (isLast && !scripts.has("finalize") && !scripts.has("compile")) {
    throw new BuildFailed(
      `${finalizeFailed}${label} has neither bin/finalize nor bin/compile.`,
      "A buildpack that only supplies must not be the last one: put the one that starts the app after it.",
    );
  }
  for (const script of ["supply", "finalize", "compile", "release"] as const) assertRunnable(buildpack, script);
}

/** `0`, `1`, …; from ten supplying buildpacks on `00`, `01`, … */
export function depsIndex(index: number, count: number): string {
  const digits = Math.floor(Math.log10(Math.max(1, count - 1))) + 1;
  return String(index).padStart(digits, "0");
}

async function makePlaces({ scripts, links }: ChainInput): Promise<void> {
  const indexes = links.map((_link, index) => `${depsDir}/${depsIndex(index, links.length)}`);
  const caches = links.map((link, index) => cacheDir(link, index === links.length - 1));
  await scripts.command(["mkdir", "-p", profileDir, ...indexes, ...caches], "app");
  // What buildpacks of earlier pushes have cached, and nobody will read any more.
  const kept = caches.flatMap((dir) => ["!", "-path", dir]);
  const stale = ["-mindepth", "1", "-maxdepth", "1", ...kept, "-exec", "rm", "-rf", "--", "{}", "+"];
  await scripts.command(["find", foundryCacheDir, ...stale], "app");
}

function cacheDir(link: Link, isLast: boolean): string {
  if (isLast || link.kind === "builtin") return `${foundryCacheDir}/final`;
  const [address = ""] = link.buildpack.label.split(" at ");
  return `${foundryCacheDir}/${createHash("sha256").update(address).digest("hex").slice(0, 16)}`;
}

async function supply(input: ChainInput, link: External, index: number): Promise<readonly ProcessCommand[]> {
  const deps = depsIndex(index, input.links.length);
  input.context.out.step(`Supplying from ${link.buildpack.label}`);
  await mustRun(input, link, "supply", supplyFailed, [cacheDir(link, false), depsDir, deps]);
  return (await launchOf(input, link, deps)) ?? [];
}

async function finish(input: ChainInput, link: External, index: number): Promise<readonly ProcessCommand[]> {
  const { context, scripts, links, buildDir } = input;
  const { buildpack } = link;
  const deps = depsIndex(index, links.length);
  const cache = cacheDir(link, true);
  if (buildpack.scripts.has("finalize")) {
    context.out.step(`Finalizing with ${buildpack.label}`);
    if (buildpack.scripts.has("supply")) await mustRun(input, link, "supply", supplyFailed, [cache, depsDir, deps]);
    await mustRun(input, link, "finalize", finalizeFailed, [cache, depsDir, deps, profileDir]);
  } else {
    context.out.step(`Compiling with ${buildpack.label}`);
    if (links.length > 1) context.out.problem(noFinalize);
    await scripts.command(["rm", "-rf", "--", `${depsDir}/${deps}`], "app");
    await mustRun(input, link, "compile", compileFailed, [cache]);
  }
  const launch = await launchOf(input, link, deps);
  if (launch !== undefined) return launch;
  if (!buildpack.scripts.has("release")) {
    throw new BuildFailed(`${releaseFailed}${buildpack.label} has no bin/release.`, "It says how the app is started.");
  }
  return (await readRelease(input, callOf(input, link, "release", [buildDir]), releaseFailed)).processes;
}

async function mustRun(
  input: ChainInput,
  link: External,
  script: ScriptName,
  failed: string,
  args: readonly string[],
): Promise<void> {
  const call = callOf(input, link, script, [input.buildDir, ...args]);
  const code = await input.scripts.run(call);
  if (code !== 0) await input.scripts.fail(call, code, outputAbove, failed);
}

function callOf(input: ChainInput, link: External, script: ScriptName, args: readonly string[]): ScriptCall {
  return { buildpack: link.buildpack, script, args, env: stagingEnv(input), cwd: foundryHome, exports: [] };
}

/** The app's own variables are in the environment here. There is no PORT. */
function stagingEnv({ context, path }: ChainInput): ConfigVars {
  const { app, config, services } = context.input;
  const application = { application_id: app.id, application_name: app.name, name: app.name, space_name: app.space };
  return {
    PATH: path,
    HOME: foundryHome,
    USER: "vcap",
    CF_STACK: defaultFoundryStack,
    MEMORY_LIMIT: `${inMb(context.limits.memoryBytes)}m`,
    VCAP_APPLICATION: JSON.stringify({ ...application, application_uris: [], uris: [] }),
    VCAP_SERVICES: "{}",
    ...services,
    ...config,
  };
}

async function launchOf(
  { scripts }: ChainInput,
  link: External,
  deps: string,
): Promise<readonly ProcessCommand[] | undefined> {
  const { code, text } = await scripts.command(["cat", "--", `${depsDir}/${deps}/launch.yml`], "app");
  if (code !== 0) return undefined;
  const parsed = parseLaunch(text);
  if (parsed.ok) return parsed.release.processes;
  throw new BuildFailed(
    `${releaseFailed}launch.yml of ${link.buildpack.label} is invalid: ${parsed.problem}.`,
    "It must be YAML: processes, a list of type and command.",
  );
}

const described = z.looseObject({ name: z.string(), version: z.union([z.string(), z.number()]).optional() });

/** What the buildpack says in `config.yml` of its deps folder, else its address. */
async function nameOf({ scripts, links }: ChainInput, link: External, index: number): Promise<string> {
  const file = `${depsDir}/${depsIndex(index, links.length)}/config.yml`;
  const { code, text } = await scripts.command(["cat", "--", file], "app");
  if (code !== 0) return link.buildpack.label;
  try {
    const { name, version } = described.parse(parse(text, { maxAliasCount: 10, logLevel: "error" }));
    return version === undefined ? name : `${name} ${version}`;
  } catch {
    // It only serves people.
    return link.buildpack.label;
  }
}
