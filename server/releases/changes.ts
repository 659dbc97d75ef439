import { AppError } from "../core/errors.ts";
import type { AppId, AppName, ProcessType } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { Actor, App, Checks, ConfigVars, Droplet, Release } from "../core/types.ts";
import type { ReleasesPort } from "../api/platform.ts";
import type { ReleaseDeps } from "./deps.ts";
import { applyChange, configKeyProblem, configLimitBytes, configSizeBytes } from "./environment.ts";
import { decisions, setStrategy, strategyOf } from "./app-settings.ts";
import { defaultChecks, scalableTypes, withoutPaths } from "./formation.ts";
import { reportFailure, servingLine } from "./report.ts";
import { bringUp, insertRelease, type RolloutResult } from "./rollout.ts";

export type ChangeDeps = ReleaseDeps;

export interface Changes extends ReleasesPort {
  /** A new release of the current droplet, for what bindings give now. Does nothing before the first deploy. */
  redeploy(actor: Actor, app: App, description: string, out: Output, signal: AbortSignal): Promise<void>;
}

/** Changes that make a release without a build: config vars, checks, bindings, rollback. */
export function createChanges(deps: ChangeDeps): Changes {
  const withCurrent = (release: Release) => ({
    ...release,
    current: release.version === currentVersion(deps, release.appId),
  });

  const makeRelease = async (
    app: App,
    source: {
      release: Release;
      droplet: Droplet;
      config: ConfigVars;
      like?: Release;
      description: string;
      actor: Actor;
    },
    out: Output,
    signal: AbortSignal,
  ): Promise<Release> => {
    const release = insertRelease(deps, { app, ...source });
    const result = await bringUp(deps, app, release, source.droplet, out, signal);
    assertUp(deps, app.id, result, out);
    deps.say(app.id, "api", `Release v${release.version} created by ${source.actor.name}: ${source.description}`);
    out.result(`v${release.version} is current`);
    return release;
  };

  return {
    list: (name) => deps.releases.releases(deps.apps.get(name).id).map(withCurrent),
    get: (name, version) => withCurrent(releaseOf(deps, deps.apps.get(name), version)),
    config: (name) => deps.apps.config(deps.apps.get(name).id),
    checks: (name) => deps.apps.checks(deps.apps.get(name).id),

    async setConfig(actor, name, change, out, signal) {
      const app = deps.apps.get(name);
      checkKeys(name, deps.apps.config(app.id), change);
      return await queued(deps, app, describeConfig(change), out, signal, async (workSignal) => {
        const config = applyChange(deps.apps.config(app.id), change);
        const size = configSizeBytes(config);
        if (size > configLimitBytes) throw new AppError("CONFIG_TOO_LARGE", { size, limit: configLimitBytes });
        const current = currentRelease(deps, app.id);
        if (current === undefined) {
          deps.apps.setConfig(app.id, config);
          out.detail("Kept for the first deploy.");
          return undefined;
        }
        const source = { ...current, config, description: describeConfig(change), actor };
        return (await makeRelease(app, source, out, workSignal)).version;
      });
    },

    async setChecks(actor, name, type, change, out, signal) {
      const app = deps.apps.get(name);
      assertKnownType(deps, app, type);
      const known = deps.apps.checks(app.id);
      const base = known[type] ?? defaultChecks(type);
      const checks: Checks = "path" in change ? { ...withoutPaths(base), ...change } : { ...base, ...change };
      await queued(deps, app, `checks of ${type}`, out, signal, async (workSignal) => {
        const before = known;
        deps.apps.setChecks(app.id, { ...known, [type]: checks });
        const decided = () => decisions(deps.settings, app.id).decideChecks(type, Object.keys(change));
        const current = currentRelease(deps, app.id);
        if (current === undefined) return decided();
        const source = { ...current, config: deps.apps.config(app.id), description: `Set checks of ${type}`, actor };
        try {
          await makeRelease(app, source, out, workSignal);
          decided();
        } catch (err) {
          deps.apps.setChecks(app.id, before);
          throw err;
        }
      });
    },

    strategy: (name) => strategyOf(deps.settings, deps.apps.get(name).id),

    setStrategy(actor, name, strategy) {
      const app = deps.apps.get(name);
      setStrategy(deps.settings, app.id, strategy);
      deps.say(app.id, "api", `Strategy ${strategy} set by ${actor.name}`);
    },

    async rollback(actor, name, version, out, signal) {
      const app = deps.apps.get(name);
      return await queued(deps, app, "rollback", out, signal, async (workSignal) => {
        const target = version === undefined ? previousRelease(deps, app) : releaseOf(deps, app, version);
        const droplet = deps.releases.droplet(target.dropletId);
        if (droplet === undefined || !(await deps.imageExists(droplet.imageId))) {
          throw new AppError("DROPLET_GONE", { version: `v${target.version}` });
        }
        out.step(`Rolling back to v${target.version}`);
        const description = `Rollback to v${target.version}`;
        const source = { release: target, droplet, config: target.config, like: target, description, actor };
        const release = await makeRelease(app, source, out, workSignal);
        await deps.setDeployedRef(app, release.commit);
        return release.version;
      });
    },

    async redeploy(actor, app, description, out, signal) {
      await queued(deps, app, description, out, signal, async (workSignal) => {
        const current = currentRelease(deps, app.id);
        if (current === undefined) return;
        await makeRelease(app, { ...current, config: deps.apps.config(app.id), description, actor }, out, workSignal);
      });
    },
  };
}

/** Runs a change when it is its turn. */
export async function queued<T>(
  deps: ReleaseDeps,
  app: App,
  title: string,
  out: Output,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const onWait = (running: string) => out.step(`Waiting: ${running} of "${app.name}" is in progress`);
  const superseded = (): never => {
    throw new AppError("DEPLOY_IN_PROGRESS", { name: app.name });
  };
  return await deps.queue.run<T>(app.id, { title, supersedes: false, signal, onWait }, superseded, work);
}

/** @throws AppError DEPLOY_FAILED, after the report, when it did not come up */
export function assertUp(deps: ReleaseDeps, appId: AppId, result: RolloutResult, out: Output): void {
  if (result.ok) return;
  const masked = deps.masked(out, { ...deps.bindingEnv(appId), ...deps.apps.config(appId) });
  reportFailure(out, result.failure, servingLine(currentVersion(deps, appId)), masked);
  throw new AppError("DEPLOY_FAILED", { reason: result.failure.reason, hint: result.failure.hint });
}

export function currentVersion(deps: Pick<ReleaseDeps, "releases">, appId: AppId): number | undefined {
  return deps.releases.currentGeneration(appId)?.version;
}

export function currentRelease(
  deps: Pick<ReleaseDeps, "releases">,
  appId: AppId,
): { release: Release; droplet: Droplet } | undefined {
  const version = currentVersion(deps, appId);
  const release = version === undefined ? undefined : deps.releases.release(appId, version);
  const droplet = release && deps.releases.droplet(release.dropletId);
  return release && droplet && { release, droplet };
}

/** Before the first deploy any type may come. @throws AppError PROCESS_TYPE_UNKNOWN */
function assertKnownType(deps: ReleaseDeps, app: App, type: ProcessType): void {
  const current = currentRelease(deps, app.id);
  const types = current === undefined ? [type] : scalableTypes(current.release.processes);
  if (!types.includes(type))
    throw new AppError("PROCESS_TYPE_UNKNOWN", { name: app.name, type, types: types.join(", ") });
}

function releaseOf(deps: ReleaseDeps, app: App, version: number): Release {
  const release = deps.releases.release(app.id, version);
  if (release === undefined) throw new AppError("RELEASE_NOT_FOUND", { name: app.name, version: `v${version}` });
  return release;
}

/** The last one before the current that had come up. */
function previousRelease(deps: ReleaseDeps, app: App): Release {
  const current = currentVersion(deps, app.id) ?? 0;
  const found = deps.releases
    .releases(app.id)
    .find((release) => release.version < current && release.status === "succeeded");
  if (found === undefined) throw new AppError("ROLLBACK_NO_TARGET", { name: app.name });
  return found;
}

function checkKeys(name: AppName, config: ConfigVars, change: Readonly<Record<string, string | undefined>>): void {
  for (const [key, value] of Object.entries(change)) {
    const problem = configKeyProblem(key);
    if (problem) throw new AppError(problem, { key });
    if (value === undefined && config[key] === undefined) throw new AppError("CONFIG_KEY_NOT_FOUND", { name, key });
  }
}

function describeConfig(change: Readonly<Record<string, string | undefined>>): string {
  const set = Object.keys(change).filter((key) => change[key] !== undefined);
  const unset = Object.keys(change).filter((key) => change[key] === undefined);
  const parts = [set.length > 0 ? `Set ${set.join(", ")}` : "", unset.length > 0 ? `Unset ${unset.join(", ")}` : ""];
  return `${parts.filter((part) => part !== "").join(", ")} config vars`;
}
