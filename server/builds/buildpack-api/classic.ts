import type { ConfigVars, ProcessCommand } from "../../core/types.ts";
import { BuildFailed } from "../failure.ts";
import { type ChainInput, type ChainOutcome, displayName } from "./chain.ts";
import { parseRelease, type ReleaseInfo } from "./release.ts";
import { assertHas, assertRunnable, type ScriptCall } from "./scripts.ts";
import type { StagedBuildpack } from "./stage.ts";

export const classicCacheDir = "/cache/buildpacks/classic";
export const envDir = "/tmp/env";
/** What buildpacks look up their downloads by; Debian 13 runs what was made for this one. */
export const defaultStack = "heroku-24";

const detectLimitBytes = 64 * 1024;
const releaseLimitBytes = 1024 * 1024;

/**
 * Heroku's classic API: each buildpack detects, compiles and releases in turn, with what those before it have exported.
 * https://devcenter.heroku.com/articles/buildpack-api
 * @throws BuildFailed
 */
export async function runClassic(input: ChainInput): Promise<ChainOutcome> {
  const names: string[] = [];
  const exports: string[] = [];
  let processes: readonly ProcessCommand[] = [];
  let env: ConfigVars = {};
  for (const link of input.links) if (link.kind === "external") assertWhole(link.buildpack);
  for (const link of input.links) {
    if (link.kind === "builtin") {
      await input.runBuiltin(exports);
      names.push(link.plan.runtime);
      if (link.plan.processes.length > 0) processes = link.plan.processes;
      continue;
    }
    const { buildpack } = link;
    const call = (script: ScriptCall["script"], ...args: string[]): ScriptCall => ({
      buildpack,
      script,
      args,
      env: scriptEnv(input),
      cwd: input.buildDir,
      exports,
    });
    names.push(await detect(input, call("detect", input.buildDir)));
    await compile(input, call("compile", input.buildDir, classicCacheDir, envDir));
    exports.push(`${buildpack.dir}/export`);
    const release = await releaseOf(input, { ...call("release", input.buildDir), exports: [...exports] });
    // One that brings only tools says nothing of how to start: it does not take back what another has said.
    if (release.processes.length > 0) processes = release.processes;
    env = { ...env, ...release.env };
  }
  return { names, processes, env };
}

function assertWhole(buildpack: StagedBuildpack): void {
  const why = "Heroku's buildpack API asks for bin/detect and bin/compile; is this the buildpack's own repository?";
  for (const script of ["detect", "compile"] as const) assertHas(buildpack, script, why);
  for (const script of ["detect", "compile", "release"] as const) assertRunnable(buildpack, script);
}

/** Config vars are files, not variables: what a script needs of them it reads by itself. */
function scriptEnv({ context, path }: ChainInput): ConfigVars {
  const { config, commit, buildId } = context.input;
  return {
    PATH: path,
    HOME: "/app",
    STACK: config["STACK"] ?? defaultStack,
    SOURCE_VERSION: commit,
    REQUEST_ID: buildId,
  };
}

async function detect({ context, scripts }: ChainInput, call: ScriptCall): Promise<string> {
  const { label } = call.buildpack;
  const answer = await scripts.ask(call, detectLimitBytes);
  if (answer.code === 0) {
    const name = displayName(answer.text, label);
    context.out.step(`${name} app detected`);
    return name;
  }
  for (const line of answer.text.trimEnd().split("\n").slice(-20)) if (line.trim() !== "") context.out.detail(line);
  const hint = `Does it belong to this app? See what it looks for, or take it from the list: paas buildpacks:remove`;
  // 126 and 127 are the shell's: the script, or what its first line names, could not be started.
  if (answer.code > 125) return scripts.fail(call, answer.code, hint);
  throw new BuildFailed(
    `The app is not compatible with the buildpack ${label}: bin/detect exited with code ${answer.code}.`,
    hint,
  );
}

async function compile({ scripts }: ChainInput, call: ScriptCall): Promise<void> {
  const code = await scripts.run(call);
  if (code === 0) return;
  await scripts.fail(call, code, "What it said last is above. Mend what it complains about, commit and push again.");
}

async function releaseOf(input: ChainInput, call: ScriptCall): Promise<ReleaseInfo> {
  if (!call.buildpack.scripts.has("release")) return { processes: [], env: {}, addons: [] };
  const release = await readRelease(input, call, "");
  for (const addon of release.addons) {
    input.context.out.detail(
      `The buildpack asks for the add-on ${addon}: create a service for it if the app needs one`,
    );
  }
  return release;
}

/** Runs `bin/release` and reads what it says. @throws BuildFailed, its reason with `prefix` before */
export async function readRelease(input: ChainInput, call: ScriptCall, prefix: string): Promise<ReleaseInfo> {
  const { label } = call.buildpack;
  const hint = "It must print YAML: default_process_types, with a command for each process type.";
  const answer = await input.scripts.ask(call, releaseLimitBytes);
  if (answer.code !== 0) return input.scripts.fail(call, answer.code, hint, prefix);
  const parsed = parseRelease(answer.text);
  if (answer.isWhole && parsed.ok) return parsed.release;
  const problem = answer.isWhole && !parsed.ok ? parsed.problem : "it is longer than 1 MiB";
  throw new BuildFailed(
    `${prefix}the output of bin/release of ${label} is invalid: ${problem}.`.replace(/^t/, "T"),
    hint,
  );
}
