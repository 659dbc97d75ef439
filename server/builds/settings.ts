import { z } from "zod";
import type { AppId } from "../core/ids.ts";
import type { AppSettingsStore } from "../store/app-settings.ts";
import type { SourceSettings } from "./source/read-source.ts";
import { parseRoot } from "./source/root.ts";

const keys = {
  root: "build.root",
  shippedEnvFiles: "build.ship-env",
  keepDroplets: "droplets.keep",
  onDisconnect: "build.on-disconnect",
} as const;

/** What becomes of the deploy of a push whose client goes away. */
export const onDisconnect = z.enum(["cancel", "continue"]);
export type OnDisconnect = z.infer<typeof onDisconnect>;

export interface BuildSettings extends SourceSettings {
  /** For rollback, beside the current one; undefined leaves it to the daemon's setting. */
  readonly keepDroplets: number | undefined;
  readonly onDisconnect: OnDisconnect;
}

/** Undefined leaves a setting as it is, null gives it back to the repository. */
export interface BuildSettingsChange {
  readonly root?: string | null | undefined;
  readonly shippedEnvFiles?: readonly string[] | null | undefined;
  readonly keepDroplets?: number | null | undefined;
  readonly onDisconnect?: OnDisconnect | undefined;
}

/** What `builds:set` has decided for an app. */
export function buildSettings(store: AppSettingsStore, appId: AppId): BuildSettings {
  return {
    root: store.get(appId, keys.root, z.string()),
    shippedEnvFiles: store.get(appId, keys.shippedEnvFiles, z.array(z.string())) ?? [],
    keepDroplets: store.get(appId, keys.keepDroplets, z.number()),
    onDisconnect: store.get(appId, keys.onDisconnect, onDisconnect) ?? "cancel",
  };
}

/** @throws AppError SOURCE_ROOT_INVALID */
export function setBuildSettings(store: AppSettingsStore, appId: AppId, change: BuildSettingsChange): void {
  const { root, shippedEnvFiles, keepDroplets } = change;
  if (change.onDisconnect !== undefined) store.set(appId, keys.onDisconnect, change.onDisconnect);
  if (root === null) store.unset(appId, keys.root);
  else if (root !== undefined) store.set(appId, keys.root, parseRoot(root));
  if (shippedEnvFiles === null) store.unset(appId, keys.shippedEnvFiles);
  else if (shippedEnvFiles !== undefined) store.set(appId, keys.shippedEnvFiles, shippedEnvFiles);
  if (keepDroplets === null) store.unset(appId, keys.keepDroplets);
  else if (keepDroplets !== undefined) store.set(appId, keys.keepDroplets, keepDroplets);
}
