import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Droplet, Release } from "../core/types.ts";

/** How many droplets that once were up are kept for `rollback`, the current one not counted. */
export const keptForRollback = 5;

/**
 * Droplets that may go: not the current release's, not those of the newest releases that came up, not one that a
 * release in the making needs. Droplets that never came up go at once.
 */
export function dispensable(
  droplets: readonly Droplet[],
  releases: readonly Pick<Release, "version" | "dropletId" | "status">[],
  currentVersion: number | undefined,
): readonly Droplet[] {
  const kept = new Set(releases.filter((release) => release.status === "pending").map((release) => release.dropletId));
  const current = releases.find((release) => release.version === currentVersion);
  if (current !== undefined) kept.add(current.dropletId);
  const limit = kept.size + keptForRollback;
  for (const release of releases.toSorted((a, b) => b.version - a.version)) {
    if (kept.size < limit && release.status === "succeeded") kept.add(release.dropletId);
  }
  return droplets.filter((droplet) => !kept.has(droplet.id));
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
  readonly log: Log;
}

const timeoutMs = 60_000;

/** Removes the images of droplets that may go; one that is still in use goes the next time. Never rejects. */
export async function removeDispensable(deps: RetentionDeps, appId: AppId): Promise<void> {
  const droplets = deps.releases.droplets(appId);
  const current = deps.releases.currentGeneration(appId)?.version;
  const going = dispensable(droplets, deps.releases.releases(appId), current);
  const staying = new Set(droplets.filter((droplet) => !going.includes(droplet)).map((droplet) => droplet.imageId));
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
