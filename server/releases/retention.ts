import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Droplet, Release } from "../core/types.ts";

export interface Retention {
  /** How many droplets that once were up are kept for `rollback`, the current one not counted. */
  readonly keep: number;
  /** Images that instances or tasks run. */
  readonly running: ReadonlySet<string>;
}

/**
 * Droplets that may go: not the current release's, not those of the newest releases that came up, not one that a
 * release in the making needs or that something runs. Of those that never came up only the newest stays: a push of
 * the same commit, after what kept it down has been put right, takes it as it is.
 */
export function dispensable(
  droplets: readonly Droplet[],
  releases: readonly Pick<Release, "version" | "dropletId" | "status">[],
  currentVersion: number | undefined,
  { keep, running }: Retention,
): readonly Droplet[] {
  const kept = new Set(releases.filter((release) => release.status === "pending").map((release) => release.dropletId));
  const current = releases.find((release) => release.version === currentVersion);
  if (current !== undefined) kept.add(current.dropletId);
  const limit = kept.size + keep;
  for (const release of releases.toSorted((a, b) => b.version - a.version)) {
    if (kept.size < limit && release.status === "succeeded") kept.add(release.dropletId);
  }
  const newest = droplets.toSorted((a, b) => b.createdAt - a.createdAt)[0];
  if (newest !== undefined) kept.add(newest.id);
  return droplets.filter((droplet) => !kept.has(droplet.id) && !running.has(droplet.imageId));
}

export interface RetentionDeps {
  readonly releases: {
    droplets(appId: AppId): readonly Droplet[];
    releases(appId: AppId): readonly Release[];
    currentGeneration(appId: AppId): { readonly version: number } | undefined;
    deleteDroplet(id: string): void;
  };
  /** False when something still uses it. */
  readonly removeImage: (imageId: string, signal: AbortSignal) => Promise<boolean>;
  /** Images that containers of the app stand on. */
  readonly runningImages: (appId: AppId, signal: AbortSignal) => Promise<ReadonlySet<string>>;
  /** How many of an app's droplets stay for rollback. */
  readonly keep: (appId: AppId) => number;
  readonly log: Log;
}

const timeoutMs = 60_000;

/** Removes the images of droplets that may go; one that is still in use goes the next time. Never rejects. */
export async function removeDispensable(deps: RetentionDeps, appId: AppId): Promise<void> {
  const droplets = deps.releases.droplets(appId);
  const going = await dispensableOf(deps, appId, droplets).catch((err: unknown): readonly Droplet[] => {
    deps.log.warn("it cannot be told which droplets may go", { app: appId, err });
    return [];
  });
  const goingIds = new Set(going.map((droplet) => droplet.id));
  const staying = new Set(droplets.filter((droplet) => !goingIds.has(droplet.id)).map((droplet) => droplet.imageId));
  for (const droplet of going) {
    try {
      // Two builds of the same source may have made the same image.
      const isGone =
        staying.has(droplet.imageId) || (await deps.removeImage(droplet.imageId, AbortSignal.timeout(timeoutMs)));
      if (isGone) deps.releases.deleteDroplet(droplet.id);
    } catch (err) {
      deps.log.warn("droplet could not be removed", { app: appId, droplet: droplet.id, err });
    }
  }
}

/** Droplets of an app that may go now. */
export async function dispensableOf(
  deps: Pick<RetentionDeps, "releases" | "runningImages" | "keep">,
  appId: AppId,
  droplets = deps.releases.droplets(appId),
): Promise<readonly Droplet[]> {
  const running = await deps.runningImages(appId, AbortSignal.timeout(timeoutMs));
  const current = deps.releases.currentGeneration(appId)?.version;
  return dispensable(droplets, deps.releases.releases(appId), current, {
    keep: deps.keep(appId),
    running,
  });
}
