import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { AppError, messageOf } from "../core/errors.ts";
import { toAppError } from "../core/failure.ts";
import { newId } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { Actor, App, Build, Checks, ConfigVars, Droplet, Manifest, Source } from "../core/types.ts";
import type { Failure } from "../scheduler/ports.ts";
import { decisions } from "./app-settings.ts";
import type { ReleaseDeps } from "./deps.ts";
import { checksOf, formationFor, scalableTypes, withManifest, type ManifestFormation } from "./formation.ts";
import type { BuildInput, KnownDroplet } from "./ports.ts";
import type { Turn } from "./queue.ts";
import { descriptionOf, titleOf } from "./source.ts";
import { deployedLine, reportFailure, servingLine, StepTimes } from "./report.ts";
import { bringUp, insertRelease } from "./rollout.ts";
import { runPostdeploy, runPredeploy } from "./scripts.ts";
import { addedVariables, assertNoneMissing, madeSecrets } from "./variables.ts";

/** One deploy, wherever its content comes from. */
export interface DeployRequest {
  readonly actor: Actor;
  readonly app: App;
  readonly source: Source;
  readonly commit: string;
  /** Writes the files of the source, submodules included; of an image those that say how it is run. */
  checkout(dir: string, signal: AbortSignal, out: Output): Promise<Fetched | void>;
}

/** The source is an image, and nothing is built. Disposed when the droplet is made, or is not. */
export interface Fetched extends AsyncDisposable {
  readonly imageId: string;
  /** What the reference meant. */
  readonly digest: string;
}

export type DeployResult =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly reason: string; readonly hint: string };

type Outcome =
  | { readonly status: "succeeded"; readonly version: number; readonly problem: string | undefined }
  | { readonly status: "failed" | "cancelled"; readonly failure: Failure }
  | { readonly status: "superseded"; readonly by: string };

/** One deploy from checkout to report. It is ok when its release is current and every process of it is up. */
export async function deploy(
  deps: ReleaseDeps,
  request: DeployRequest,
  out: Output,
  signal: AbortSignal,
): Promise<DeployResult> {
  const { app, commit } = request;
  const build = deps.releases.insertBuild({
    id: newId(),
    appId: app.id,
    commit,
    source: request.source,
    actor: request.actor.name,
    status: "queued",
    reason: undefined,
    createdAt: deps.now(),
    finishedAt: undefined,
  });
  await using log = deps.buildOutput(app, build, out);
  const title = titleOf(request);
  const outcome = await deps.queue
    .run(
      app.id,
      {
        id: build.id,
        title,
        supersedes: true,
        signal,
        onWait: (running) => log.out.step(`Waiting: ${running} of "${app.name}" is in progress`),
        onSupersede: (waiting) => log.out.step(`Taking the place of ${waiting}, which was waiting`),
      },
      (by): Outcome => ({ status: "superseded", by }),
      (workSignal, turn) => deployNow(deps, request, build, { out: log.out, turn }, workSignal),
    )
    .catch((err: unknown): Outcome => failedBy(deps, request, err, signal));
  finish(deps, request, build, outcome, log.out);
  deps.fault("before-verdict");
  if (outcome.status === "succeeded") return { ok: true, version: outcome.version };
  if (outcome.status === "superseded")
    return { ok: false, reason: `Superseded by ${outcome.by}.`, hint: "Nothing was deployed by this one." };
  return { ok: false, reason: outcome.failure.reason, hint: outcome.failure.hint };
}

async function deployNow(
  deps: ReleaseDeps,
  request: DeployRequest,
  build: Build,
  { out, turn }: { readonly out: Output; readonly turn: Turn },
  signal: AbortSignal,
): Promise<Outcome> {
  const { app } = request;
  const times = new StepTimes(deps.now);
  deps.releases.setBuildStatus(build.id, "running");
  deps.say(app.id, "api", `Build ${build.number} (${titleOf(request)}) started by ${request.actor.name}`);
  deps.fault("deploy-begun");

  const onWaiting = (isWaiting: boolean) => {
    turn.isWaiting = isWaiting;
    deps.releases.setBuildStatus(build.id, isWaiting ? "queued" : "running");
  };
  const built = await buildDroplet(deps, { ...request, onWaiting }, build, out, times, signal);
  if ("failure" in built) return { status: "failed", failure: built.failure };
  const { droplet } = built;
  deps.fault("droplet-stored");

  const checks = checksFor(deps, app, droplet);
  const description = descriptionOf(request);
  const release = insertRelease(deps, {
    app,
    droplet,
    config: built.config,
    checks,
    description,
    actor: request.actor,
  });
  deps.fault("release-stored");
  const formation = manifestFormation(deps, app, droplet);
  for (const note of formation.notes) out.detail(note);
  const result = await bringUp(deps, app, release, droplet, out, signal, times, { formation: formation.changed });
  if (!result.ok) return { status: signal.aborted ? "cancelled" : "failed", failure: result.failure };
  decisions(deps.settings, app.id).give(Object.keys(droplet.manifest?.env ?? {}));
  const problem = await times.measure("postdeploy", () => runPostdeploy(deps, app, release, droplet, out, signal));
  out.detail(times.toString());
  const entries = formationFor(scalableTypes(release.processes), deps.apps.formation(app.id));
  const line = deployedLine(deps.apps.getById(app.id) ?? app, release.version, entries, deps.urlsOf(app.id)[0]);
  if (problem !== undefined) out.problem(`v${release.version} is deployed and serves; what failed is ${problem}.`);
  out.result(line);
  return { status: "succeeded", version: release.version, problem };
}

async function buildDroplet(
  deps: ReleaseDeps,
  request: DeployRequest & Pick<BuildInput, "onWaiting">,
  build: Build,
  out: Output,
  times: StepTimes,
  signal: AbortSignal,
): Promise<{ readonly droplet: Droplet; readonly config: ConfigVars } | { readonly failure: Failure }> {
  const { app } = request;
  const sourceDir = path.join(deps.workDir, build.id);
  await mkdir(sourceDir, { recursive: true });
  try {
    await using fetched = await times.measure("checkout", async () => {
      return (await request.checkout(sourceDir, signal, out)) ?? undefined;
    });
    const commit = fetched?.digest ?? request.commit;
    if (commit !== request.commit) deps.releases.setBuildCommit(build.id, commit);
    deps.fault("source-checked-out");
    const { root, buildpacks, buildEnv, manifest } = await deps.readSource(app, sourceDir, fetched !== undefined, out);
    const config = settleVariables(deps, app, manifest, out);
    const imageName = request.source.kind === "image" ? request.source.ref : undefined;
    const folders = { sourceDir: path.join(sourceDir, root), repositoryDir: sourceDir, root };
    const files = { ...folders, buildpacks, commit, imageId: fetched?.imageId, imageName };
    const services = deps.bindingEnv(app.id);
    let reused: Droplet | undefined;
    const reuse = async (fingerprint: string): Promise<KnownDroplet | undefined> => {
      // What a predeploy script writes into a droplet depends on more than the droplet is made from.
      if (manifest?.scripts.predeploy !== undefined) return undefined;
      reused = await knownDroplet(deps, app, commit, fingerprint);
      return reused && { content: reused, name: nameOf(deps, reused) };
    };
    const common = { app, buildId: build.id, title: titleOf(request), onWaiting: request.onWaiting, reuse };
    const input: BuildInput = { ...common, ...files, root, config: { ...buildEnv, ...config }, services };
    const result = await times.measure("build", () => deps.builder.build(input, out, signal));
    times.parts("build", result.timings ?? []);
    deps.fault("image-built");
    if (!result.ok) return { failure: { reason: result.reason, hint: result.hint, lines: [] } };
    const settled = withSecrets(deps, app, (reused ?? result.droplet).secrets ?? [], config, out);
    if (reused !== undefined) return { droplet: reused, config: settled };
    const content = { ...result.droplet, manifest: withImageChecks(manifest, result.droplet.manifest) };
    const kept = await times.measure("predeploy", () =>
      runPredeploy(deps, { app, buildId: build.id, commit, content, config: settled }, out, signal),
    );
    if (!kept.ok) return { failure: kept.failure };
    const ids = { id: newId(), appId: app.id, buildId: build.id };
    const droplet: Droplet = { ...kept.content, ...ids, commit, createdAt: deps.now() };
    deps.releases.insertDroplet(droplet);
    return { droplet, config: settled };
  } finally {
    await rm(sourceDir, { recursive: true, force: true });
  }
}

/** A droplet of this commit with this fingerprint whose image is there; the newest. */
async function knownDroplet(
  deps: ReleaseDeps,
  app: App,
  commit: string,
  fingerprint: string,
): Promise<Droplet | undefined> {
  const same = deps.releases
    .droplets(app.id)
    .filter((droplet) => droplet.commit === commit && droplet.fingerprint === fingerprint)
    .toSorted((a, b) => b.createdAt - a.createdAt);
  for (const droplet of same) if (await deps.imageExists(droplet.imageId)) return droplet;
  return undefined;
}

/** The newest release that has it, else the build that made it. */
function nameOf(deps: ReleaseDeps, droplet: Droplet): string {
  const release = deps.releases.releases(droplet.appId).find((one) => one.dropletId === droplet.id);
  const build = deps.releases.builds(droplet.appId).find((one) => one.id === droplet.buildId);
  return release === undefined ? `build ${build?.number}` : `v${release.version}`;
}

/** What app.json says of a type's checks takes the place of what its image says. */
function withImageChecks(manifest: Manifest | undefined, ofImage: Manifest | undefined): Manifest | undefined {
  if (manifest === undefined || ofImage === undefined) return manifest ?? ofImage;
  return { ...manifest, checks: { ...ofImage.checks, ...manifest.checks } };
}

/** The config vars of the release: those of the app, and what app.json adds. Secrets are kept from the moment they are made. */
function settleVariables(deps: ReleaseDeps, app: App, manifest: Manifest | undefined, out: Output): ConfigVars {
  const config = deps.apps.config(app.id);
  if (manifest === undefined) return config;
  const bound = new Set(Object.keys(deps.bindingEnv(app.id)));
  const given = new Set(decisions(deps.settings, app.id).given());
  const added = addedVariables({ wanted: manifest.env, config, bound, given });
  assertNoneMissing(app, added);
  const { generated, defaults } = added;
  if (Object.keys(generated).length > 0) deps.apps.setConfig(app.id, { ...config, ...generated });
  const names = [...Object.keys(generated).map((key) => `${key} (made)`), ...Object.keys(defaults)];
  if (names.length > 0) out.step(`Setting config vars from app.json: ${names.join(", ")}`);
  return { ...config, ...generated, ...defaults };
}

/** The same, with what the buildpack says that the app does not start without. */
function withSecrets(
  deps: ReleaseDeps,
  app: App,
  secrets: readonly string[],
  config: ConfigVars,
  out: Output,
): ConfigVars {
  const made = madeSecrets(secrets, [config, deps.bindingEnv(app.id)]);
  const names = Object.keys(made).map((key) => `${key} (made)`);
  if (names.length === 0) return config;
  deps.apps.setConfig(app.id, { ...deps.apps.config(app.id), ...made });
  out.step(`Setting config vars: ${names.join(", ")}`);
  return { ...config, ...made };
}

function checksFor(deps: ReleaseDeps, app: App, droplet: Droplet): Readonly<Record<string, Checks>> {
  const known = deps.apps.checks(app.id);
  const decided = decisions(deps.settings, app.id).checks();
  const types = scalableTypes(droplet.processes);
  return Object.fromEntries(types.map((type) => [type, checksOf(type, droplet, known[type], decided[type] ?? [])]));
}

function manifestFormation(deps: ReleaseDeps, app: App, droplet: Droplet): ManifestFormation {
  const entries = formationFor(scalableTypes(droplet.processes), deps.apps.formation(app.id));
  const wanted = droplet.manifest?.formation ?? {};
  return withManifest(entries, wanted, decisions(deps.settings, app.id).formation());
}

function failedBy(deps: ReleaseDeps, request: DeployRequest, err: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted || (err instanceof AppError && err.code === "DEPLOY_CANCELLED")) {
    return {
      status: "cancelled",
      failure: { reason: messageOf(err), hint: "Push again when you are ready.", lines: [] },
    };
  }
  const error = toAppError(err, (reference) =>
    deps.log.error("deploy failed", { reference, app: request.app.name, commit: request.commit, err }),
  );
  return { status: "failed", failure: { reason: error.message, hint: error.hint, lines: [] } };
}

function finish(deps: ReleaseDeps, request: DeployRequest, build: Build, outcome: Outcome, out: Output): void {
  const { app } = request;
  if (outcome.status === "superseded") {
    out.problem(`Superseded: the newer ${outcome.by} takes the place of this one.`);
    out.problem("Nothing was deployed by this push.");
    return deps.releases.finishBuild(build.id, "superseded", `superseded by ${outcome.by}`, deps.now());
  }
  if (outcome.status === "succeeded") {
    deps.say(app.id, "api", `Release v${outcome.version} created by ${request.actor.name}`);
    return deps.releases.finishBuild(
      build.id,
      "succeeded",
      outcome.problem && `failed: ${outcome.problem}`,
      deps.now(),
    );
  }
  const current = deps.releases.currentGeneration(app.id);
  const masked = deps.masked(out, { ...deps.bindingEnv(app.id), ...deps.apps.config(app.id) });
  reportFailure(out, outcome.failure, servingLine(current?.version), masked);
  deps.say(app.id, "api", `Build ${build.number} ${outcome.status}: ${outcome.failure.reason}`);
  deps.releases.finishBuild(build.id, outcome.status, outcome.failure.reason, deps.now());
}
