import { messageOf } from "../core/errors.ts";
import { newId, type AppId } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { Actor, App, Checks, ConfigVars, Droplet, FormationEntry, Release } from "../core/types.ts";
import type { Failure } from "../scheduler/ports.ts";
import { strategyOf } from "./app-settings.ts";
import { environmentOf } from "./environment.ts";
import { StepTimes } from "./report.ts";
import {
  defaultChecks,
  defaultMemoryMb,
  describeFormation,
  formationFor,
  releaseType,
  scalableTypes,
} from "./formation.ts";
import type { ReleaseDeps } from "./deps.ts";

export type RolloutResult = { readonly ok: true } | { readonly ok: false; readonly failure: Failure };

/** Runs the release phase, if the release has one, with the new release's environment. */
export async function runReleasePhase(
  deps: ReleaseDeps,
  app: App,
  release: Release,
  droplet: Droplet,
  out: Output,
  signal: AbortSignal,
): Promise<RolloutResult> {
  const command = release.processes.find((process) => process.type === releaseType)?.command;
  if (command === undefined) return { ok: true };
  out.step(`Running the release phase: ${command}`);
  const name = `release.${release.version}`;
  const env = environmentOf({
    app,
    release,
    droplet,
    bindingEnv: deps.bindingEnv(app.id),
    uris: [],
    memoryMb: defaultMemoryMb,
    type: releaseType,
  });
  const spec = { app, version: release.version, name, imageId: droplet.imageId, memoryMb: defaultMemoryMb };
  const task = { ...spec, command: [...droplet.launcher, command], env: { ...env, DYNO: name } };
  const masked = deps.masked(out, { ...deps.bindingEnv(app.id), ...release.config });
  const result = await deps.tasks.runToEnd(task, masked, signal).finally(() => masked.flush());
  deps.fault("release-phase-done");
  if (result.exitCode === 0) return { ok: true };
  const memory = result.oomKilled ? `, killed for memory (limit ${defaultMemoryMb} MB)` : "";
  const reason = `the release phase exited with code ${result.exitCode}${memory}`;
  return { ok: false, failure: { reason, hint: `Fix "${command}", then push again.`, lines: [] } };
}

export interface NewRelease {
  readonly app: App;
  readonly droplet: Droplet;
  readonly config: ConfigVars;
  readonly description: string;
  readonly actor: Actor;
  /** By type; else the app's own. */
  readonly checks?: Readonly<Record<string, Checks>> | undefined;
  /** Commands and checks of an older release; else the droplet's and the app's. */
  readonly like?: Pick<Release, "processes" | "checks"> | undefined;
}

/** Fixes droplet, config vars, commands and checks in a release with the next number. */
export function insertRelease(deps: ReleaseDeps, input: NewRelease): Release {
  const { app, droplet, config, description, actor } = input;
  const processes = input.like?.processes ?? droplet.processes;
  const known = input.like?.checks ?? input.checks ?? deps.apps.checks(app.id);
  const types = scalableTypes(processes);
  const checks = Object.fromEntries(types.map((type) => [type, known[type] ?? defaultChecks(type)]));
  const base = { appId: app.id, dropletId: droplet.id, commit: droplet.commit, createdAt: deps.now() };
  return deps.releases.insertRelease({ ...base, config, processes, checks, description, actor: actor.name });
}

/** Release phase and roll-out of a pending release; marks it failed when it does not come to be current. */
export async function bringUp(
  deps: ReleaseDeps,
  app: App,
  release: Release,
  droplet: Droplet,
  out: Output,
  signal: AbortSignal,
  times = new StepTimes(deps.now),
  options: RolloutOptions = {},
): Promise<RolloutResult> {
  try {
    const phase = await times.measure("release phase", () => runReleasePhase(deps, app, release, droplet, out, signal));
    const result = phase.ok
      ? await times.measure("start", () => rollOut(deps, app, release, out, signal, options))
      : phase;
    if (!result.ok) deps.releases.failRelease(app.id, release.version, result.failure.reason);
    return result;
  } catch (err) {
    deps.releases.failRelease(app.id, release.version, messageOf(err));
    throw err;
  }
}

export interface RolloutOptions {
  /** Only this type gets new instances; the others are taken over. */
  readonly onlyType?: string | undefined;
  /** Entries that change with the release. */
  readonly formation?: readonly FormationEntry[] | undefined;
}

/**
 * Rolls a release out: new instances of all types, healthy and settled, then the routes in one step.
 * When it fails or the signal aborts before the commit point, nothing has changed for those who use the app.
 */
export async function rollOut(
  deps: ReleaseDeps,
  app: App,
  release: Release,
  out: Output,
  signal: AbortSignal,
  options: RolloutOptions = {},
): Promise<RolloutResult> {
  const types = scalableTypes(release.processes);
  const entries = formationFor(types, [...(options.formation ?? []), ...deps.apps.formation(app.id)]);
  const before = deps.releases.currentGeneration(app.id)?.version;
  if (before !== undefined && !app.stopped && strategyOf(deps.settings, app.id) === "recreate") {
    out.step(`Stopping v${before} first (strategy recreate); requests wait`);
  }
  out.step(`Starting v${release.version}: ${app.stopped ? "stopped, no instances" : describeFormation(entries)}`);

  const id = newId();
  const cohorts = takenOver(deps, app.id, types, options.onlyType);
  const outcome = deps.scheduler.rollout(id, (text) => out.detail(text));
  deps.releases.insertGeneration({
    id,
    appId: app.id,
    version: release.version,
    cohorts,
    formation: options.formation,
    createdAt: deps.now(),
    bindingEnv: deps.bindingEnv(app.id),
  });
  deps.fault("generation-stored");
  const giveUp = () => abandon(deps, app.id, id, release.version, signal.reason);
  const limitMs = rolloutLimitMs(release);
  const late = new Error(`it was not up within ${limitMs / 1000} s; the engine may be slow or away`);
  const timer = setTimeout(() => abandon(deps, app.id, id, release.version, late), limitMs);
  signal.addEventListener("abort", giveUp, { once: true });
  deps.scheduler.trigger(app.id);
  try {
    if (signal.aborted) giveUp();
    return await outcome;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}

/** Longest boot and settle time of its types, and two minutes for the engine. */
function rolloutLimitMs(release: Release): number {
  const times = Object.values(release.checks).map((checks) => checks.bootTimeoutMs + checks.settleMs);
  return Math.max(0, ...times) + 120_000;
}

/** Only before the commit point; after it the new release is whole and stays. */
function abandon(deps: ReleaseDeps, appId: AppId, generationId: string, version: number, cause: unknown): void {
  const active = deps.releases.activeGeneration(appId);
  if (active?.id !== generationId) return;
  const reason = cause instanceof Error ? cause.message : "cancelled";
  deps.releases.failGeneration(active, reason);
  deps.scheduler.abandon(appId, generationId, {
    reason: `v${version} was given up: ${reason}`,
    hint: "Push again when you are ready.",
    lines: [],
  });
}

function takenOver(
  deps: ReleaseDeps,
  appId: AppId,
  types: readonly string[],
  onlyType: string | undefined,
): Readonly<Record<string, string>> {
  const current = deps.releases.currentGeneration(appId);
  if (onlyType === undefined || current === undefined) return {};
  return Object.fromEntries(
    types.filter((type) => type !== onlyType).map((type) => [type, current.cohorts[type] ?? current.id]),
  );
}
