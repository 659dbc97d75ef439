import { z } from "zod";
import type { AppId } from "../core/ids.ts";
import type { AppSettingsStore } from "../store/app-settings.ts";
import type { SourceSettings } from "./source/read-source.ts";

const keys = { root: "build.root", shippedEnvFiles: "build.ship-env" } as const;

/** What `builds:set` has decided for an app. */
export function buildSettings(store: AppSettingsStore, appId: AppId): SourceSettings {
  return {
    root: store.get(appId, keys.root, z.string()),
    shippedEnvFiles: store.get(appId, keys.shippedEnvFiles, z.array(z.string())) ?? [],
  };
}
