import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { AppError, messageOf } from "../core/errors.ts";
import { toAppError } from "../core/failure.ts";
import { newId } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { Actor, App, Build, Droplet } from "../core/types.ts";
import type { Failure } from "../scheduler/ports.ts";
import type { ReleaseDeps } from "./deps.ts";
import { formationFor, scalableTypes } from "./formation.ts";
import { deployedLine, reportFailure, servingLine, StepTimes } from "./report.ts";
import { bringUp, insertRelease } from "./rollout.ts";

export interface Push {
  readonly actor: Actor;
  readonly app: App;
  readonly branch: string;
  readonly commit: string;
  /** Writes the commit's files, submodules included. */
  checkout(dir: string, signal: AbortSignal): Promise<void>;
}

type Outcome =
  | { readonly status: "succeeded"; readonly version: number }
  | { readonly status: "failed" | "cancelled"; readonly failure: Failure }
  | { readonly status: "superseded"; readonly by: string };

/** One push from checkout to report. True when its release is current and every process of it is up. */
export async function deploy(deps: ReleaseDeps, push: Push, out: Output, signal: AbortSignal): Promise<boolean> {
  const { app, commit } = push;
  const build = deps.releases.insertBuild({
    id: newId(),
    appId: app.id,
    commit,
    actor: push.actor.name,
    status: "queued",
    reason: undefined,
    createdAt: deps.now(),
    finishedAt: undefined,
  });
  await using log = deps.buildOutput(app, build, out);
  const title = `push ${commit.slice(0, 8)}`;
  const outcome = await deps.queue
    .run(
      app.id,
      {
        title,
        supersedes: true,
        signal,
        onWait: (running) => log.out.step(`Waiting: ${running} of "${app.name}" is in progress`),
        onSupersede: (waiting) => log.out.step(`Taking the place of ${waiting}, which was waiting`),
      },
      (by): Outcome => ({ status: "superseded", by }),
      (workSignal) => deployNow(deps, push, build, log.out, workSignal),
    )
    .catch((err: unknown): Outcome => failedBy(deps, push, err, signal));
  finish(deps, push, build, outcome, log.out);
  deps.fault("before-verdict");
  return outcome.status === "succeeded";
}

async function deployNow(
  deps: ReleaseDeps,
  push: Push,
  build: Build,
  out: Output,
  signal: AbortSignal,
): Promise<Outcome> {
  const { app, commit } = push;
  const times = new StepTimes(deps.now);
  deps.releases.setBuildStatus(build.id, "running");
  deps.say(app.id, "api", `Build ${build.number} of ${commit.slice(0, 8)} started by ${push.actor.name}`);
  deps.fault("deploy-begun");

  const built = await buildDroplet(deps, push, build, out, times, signal);
  if ("failure" in built) return { status: "failed", failure: built.failure };
  const { droplet } = built;
  deps.fault("droplet-stored");

  const config = deps.apps.config(app.id);
  const release = insertRelease(deps, {
    app,
    droplet,
    config,
    description: `Deploy ${commit.slice(0, 8)}`,
    actor: push.actor,
  });
  deps.fault("release-stored");
  const result = await bringUp(deps, app, release, droplet, out, signal, times);
  if (!result.ok) return { status: signal.aborted ? "cancelled" : "failed", failure: result.failure };
  out.detail(times.toString());
  const formation = formationFor(scalableTypes(release.processes), deps.apps.formation(app.id));
  out.result(deployedLine(deps.apps.getById(app.id) ?? app, release.version, formation, deps.urlsOf(app.id)[0]));
  return { status: "succeeded", version: release.version };
}

async function buildDroplet(
  deps: ReleaseDeps,
  push: Push,
  build: Build,
  out: Output,
  times: StepTimes,
  signal: AbortSignal,
): Promise<{ readonly droplet: Droplet } | { readonly failure: Failure }> {
  const { app, commit } = push;
  const sourceDir = path.join(deps.workDir, build.id);
  await mkdir(sourceDir, { recursive: true });
  try {
    await times.measure("checkout", () => push.checkout(sourceDir, signal));
    deps.fault("source-checked-out");
    const config = deps.apps.config(app.id);
    const result = await times.measure("build", () =>
      deps.builder.build({ app, buildId: build.id, sourceDir, commit, config }, out, signal),
    );
    deps.fault("image-built");
    if (!result.ok) return { failure: { reason: result.reason, hint: result.hint, lines: [] } };
    const droplet: Droplet = {
      ...result.droplet,
      id: newId(),
      appId: app.id,
      buildId: build.id,
      commit,
      createdAt: deps.now(),
    };
    deps.releases.insertDroplet(droplet);
    return { droplet };
  } finally {
    await rm(sourceDir, { recursive: true, force: true });
  }
}

function failedBy(deps: ReleaseDeps, push: Push, err: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted || (err instanceof AppError && err.code === "DEPLOY_CANCELLED")) {
    return {
      status: "cancelled",
      failure: { reason: messageOf(err), hint: "Push again when you are ready.", lines: [] },
    };
  }
  const error = toAppError(err, (reference) =>
    deps.log.error("deploy failed", { reference, app: push.app.name, commit: push.commit, err }),
  );
  return { status: "failed", failure: { reason: error.message, hint: error.hint, lines: [] } };
}

function finish(deps: ReleaseDeps, push: Push, build: Build, outcome: Outcome, out: Output): void {
  const { app } = push;
  if (outcome.status === "superseded") {
    out.problem(`Superseded: the newer ${outcome.by} takes the place of this one.`);
    out.problem("Nothing was deployed by this push.");
    return deps.releases.finishBuild(build.id, "superseded", `superseded by ${outcome.by}`, deps.now());
  }
  if (outcome.status === "succeeded") {
    deps.say(app.id, "api", `Release v${outcome.version} created by ${push.actor.name}`);
    return deps.releases.finishBuild(build.id, "succeeded", undefined, deps.now());
  }
  const current = deps.releases.currentGeneration(app.id);
  reportFailure(out, outcome.failure, servingLine(current?.version));
  deps.say(app.id, "api", `Build ${build.number} ${outcome.status}: ${outcome.failure.reason}`);
  deps.releases.finishBuild(build.id, outcome.status, outcome.failure.reason, deps.now());
}
