import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { App } from "../core/types.ts";
import type { AppStore } from "../store/apps.ts";
import type { ReleaseStore } from "../store/releases.ts";

interface OwnObject {
  readonly id: string;
  readonly app: string | undefined;
}

/** Objects of this installation in the engine, as far as recovery and removal need them. */
export interface OwnImages {
  containers(kind: "instance" | "build" | "task", signal: AbortSignal): Promise<readonly OwnObject[]>;
  images(kind: "droplet", signal: AbortSignal): Promise<readonly OwnObject[]>;
  volumes(kind: "cache", signal: AbortSignal): Promise<readonly OwnObject[]>;
  removeContainer(id: string, signal: AbortSignal): Promise<void>;
  removeImage(id: string, signal: AbortSignal): Promise<boolean>;
  removeVolume(id: string, signal: AbortSignal): Promise<boolean>;
}

export interface RecoverDeps {
  readonly apps: Pick<AppStore, "list" | "getById">;
  readonly releases: ReleaseStore;
  readonly workDir: string;
  readonly now: () => number;
  readonly log: Log;
  readonly setDeployedRef: (app: App, commit: string) => Promise<void>;
}

const interrupted = "interrupted: the daemon stopped in the middle";

/**
 * Brings the records in order after a daemon that ended in the middle of something: what had not reached its commit
 * point is given up, what had is finished by the scheduler. Needs no engine.
 */
export async function recoverRecords(deps: RecoverDeps): Promise<void> {
  for (const build of deps.releases.unfinishedBuilds()) {
    deps.releases.finishBuild(build.id, "failed", interrupted, deps.now());
    deps.log.warn("build was interrupted", { app: build.appId, build: build.number });
  }
  for (const generation of deps.releases.activeGenerations()) {
    deps.releases.failGeneration(generation, interrupted);
    deps.log.warn("roll-out was interrupted", { app: generation.appId, version: generation.version });
  }
  for (const release of deps.releases.pendingReleases()) {
    deps.releases.failRelease(release.appId, release.version, interrupted);
  }
  await emptyFolder(deps.workDir);
  for (const app of deps.apps.list()) await healRef(deps, app);
}

/** A push that became current but was not told so leaves its ref behind. */
async function healRef(deps: RecoverDeps, app: App): Promise<void> {
  const version = deps.releases.currentGeneration(app.id)?.version;
  const release = version === undefined ? undefined : deps.releases.release(app.id, version);
  if (release === undefined) return;
  await deps.setDeployedRef(app, release.commit).catch((err: unknown) => {
    deps.log.warn("ref could not be set", { app: app.name, commit: release.commit, err });
  });
}

/** Removes containers and images of this installation that nothing in the records accounts for. */
export async function removeStrays(deps: RecoverDeps, own: OwnImages, signal: AbortSignal): Promise<void> {
  for (const container of await own.containers("instance", signal)) {
    if (deps.apps.getById((container.app ?? "") as AppId) === undefined)
      await own.removeContainer(container.id, signal);
  }
  const released = new Set(
    deps.apps.list().flatMap((app) => deps.releases.releases(app.id).map((release) => release.dropletId)),
  );
  for (const droplet of deps.releases.allDroplets()) {
    if (!released.has(droplet.id)) deps.releases.deleteDroplet(droplet.id);
  }
  const known = new Set(deps.releases.allDroplets().map((droplet) => droplet.imageId));
  for (const image of await own.images("droplet", signal)) {
    if (!known.has(image.id)) await own.removeImage(image.id, signal);
  }
}

async function emptyFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
}
