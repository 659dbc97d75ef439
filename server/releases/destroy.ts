import type { AppId } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { App } from "../core/types.ts";
import type { OwnImages } from "./recover.ts";

export interface DestroyDeps {
  readonly apps: { markDestroying(id: AppId): void; delete(id: AppId): void };
  /** Waits until no container of the app is left. */
  readonly forget: (appId: AppId, signal: AbortSignal) => Promise<void>;
  readonly deleteRoutes: (appId: AppId) => void;
  readonly publishRoutes: () => Promise<void>;
  readonly unbindAll: (app: App) => Promise<void>;
  readonly removeRepo: (appId: AppId) => Promise<void>;
  readonly removeLogs: (appId: AppId) => Promise<void>;
  readonly removeBuildLogs: (appId: AppId) => Promise<void>;
  readonly images: OwnImages;
}

/**
 * Removes all that belongs to an app; services stay. The mark comes first, so that a daemon that is killed in the
 * middle goes on with it, and every step may be done twice.
 */
export async function destroyApp(deps: DestroyDeps, app: App, out: Output, signal: AbortSignal): Promise<void> {
  deps.apps.markDestroying(app.id);
  out.step(`Destroying "${app.name}"`);
  deps.deleteRoutes(app.id);
  await deps.publishRoutes();
  out.detail("Stopping its instances");
  await deps.forget(app.id, signal);
  await deps.unbindAll(app);
  out.detail("Removing its droplets, repository and logs");
  for (const image of await deps.images.images("droplet", signal)) {
    if (image.app === app.id) await deps.images.removeImage(image.id, signal);
  }
  for (const volume of await deps.images.volumes("cache", signal)) {
    if (volume.app === app.id) await deps.images.removeVolume(volume.id, signal);
  }
  await deps.removeRepo(app.id);
  await deps.removeLogs(app.id);
  await deps.removeBuildLogs(app.id);
  deps.apps.delete(app.id);
  out.result(`"${app.name}" is gone. Services that were bound to it are kept.`);
}
