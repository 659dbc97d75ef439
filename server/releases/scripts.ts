import type { Output } from "../core/output.ts";
import type { App, ConfigVars, Droplet, DropletContent, Release } from "../core/types.ts";
import type { Failure } from "../scheduler/ports.ts";
import { decisions } from "./app-settings.ts";
import type { ReleaseDeps } from "./deps.ts";
import { environmentOf } from "./environment.ts";
import { defaultMemoryMb } from "./formation.ts";

export interface PredeployInput {
  readonly app: App;
  readonly buildId: string;
  readonly commit: string;
  readonly content: DropletContent;
  readonly config: ConfigVars;
}

type PredeployResult =
  | { readonly ok: true; readonly content: DropletContent }
  | { readonly ok: false; readonly failure: Failure };

/**
 * Runs app.json's predeploy script in the new droplet, with the config vars and bindings of the release in the making. What
 * it writes becomes part of the droplet; when it fails, the deploy ends.
 */
export async function runPredeploy(
  deps: ReleaseDeps,
  input: PredeployInput,
  out: Output,
  signal: AbortSignal,
): Promise<PredeployResult> {
  const { app, content, config } = input;
  const command = content.manifest?.scripts.predeploy;
  if (command === undefined) return { ok: true, content };
  out.step(`Running the predeploy script: ${command}`);
  const next = Math.max(0, ...deps.releases.releases(app.id).map((release) => release.version)) + 1;
  const release = { version: next, config, commit: input.commit, createdAt: deps.now() };
  const env = { ...scriptEnvironment(deps, app, release, content, "predeploy"), DYNO: `predeploy.${next}` };
  const masked = deps.masked(out, { ...deps.bindingEnv(app.id), ...config });
  const result = await deps.scripts
    .runKept(
      {
        app,
        buildId: input.buildId,
        imageId: content.imageId,
        argv: [...content.launcher, command],
        env,
        memoryMb: defaultMemoryMb,
      },
      (chunk) => masked.raw(chunk),
      signal,
    )
    .finally(() => masked.flush());
  if (result.imageId !== undefined) return { ok: true, content: { ...content, imageId: result.imageId } };
  const reason = `the predeploy script of app.json exited with code ${result.exitCode}`;
  return { ok: false, failure: { reason, hint: `Fix "${command}", then push again.`, lines: [] } };
}

/**
 * Runs the scripts that follow a deploy that came up: of every deploy, and of the first. What is deployed stays whatever
 * becomes of them. Answers what failed, undefined when nothing did.
 */
export async function runPostdeploy(
  deps: ReleaseDeps,
  app: App,
  release: Release,
  droplet: Droplet,
  out: Output,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { postdeploy, firstDeploy } = droplet.manifest?.scripts ?? {};
  const made = decisions(deps.settings, app.id);
  const run = (what: string, command: string) => runScript(deps, app, release, droplet, what, command, out, signal);
  const failed: string[] = [];
  if (firstDeploy !== undefined && !made.isFirstDone()) {
    if (await run("first postdeploy", firstDeploy)) made.firstDone();
    else failed.push("the postdeploy script of the first deploy; it is run again with the next");
  }
  if (postdeploy !== undefined && !(await run("postdeploy", postdeploy))) failed.push("the postdeploy script");
  return failed.length === 0 ? undefined : failed.join(", and ");
}

async function runScript(
  deps: ReleaseDeps,
  app: App,
  release: Release,
  droplet: Droplet,
  what: string,
  command: string,
  out: Output,
  signal: AbortSignal,
): Promise<boolean> {
  out.step(`Running the ${what} script: ${command}`);
  const name = `postdeploy.${release.version}`;
  const env = { ...scriptEnvironment(deps, app, release, droplet, "postdeploy"), DYNO: name };
  const { version } = release;
  const spec = { app, version, name, imageId: droplet.imageId, memoryMb: defaultMemoryMb };
  const masked = deps.masked(out, { ...deps.bindingEnv(app.id), ...release.config });
  try {
    const task = { ...spec, command: [...droplet.launcher, command], env };
    const { exitCode, oomKilled } = await deps.tasks.runToEnd(task, masked, signal).finally(() => masked.flush());
    if (exitCode === 0) return true;
    const memory = oomKilled ? `, killed for memory (limit ${defaultMemoryMb} MB)` : "";
    out.problem(`The ${what} script exited with code ${exitCode}${memory}: ${command}`);
  } catch (err) {
    deps.log.warn("a postdeploy script did not end by itself", { app: app.name, version, err });
    out.problem(`The ${what} script did not run to its end: ${command}`);
  }
  return false;
}

function scriptEnvironment(
  deps: ReleaseDeps,
  app: App,
  release: Pick<Release, "version" | "config" | "commit" | "createdAt">,
  droplet: Pick<Droplet, "env">,
  type: string,
): ConfigVars {
  const bindingEnv = deps.bindingEnv(app.id);
  return environmentOf({ app, release, droplet, bindingEnv, uris: [], memoryMb: defaultMemoryMb, type });
}
