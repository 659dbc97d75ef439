import type { BuildLimitsView, BuildsPort, Platform, SystemInfo } from "../api/platform.ts";
import type { Allowance } from "../builds/build-context.ts";
import { dockerfileKey, dockerfileSettings } from "../builds/dockerfile-settings.ts";
import { type BuildLimits, limitsKey, ownLimits } from "../builds/limits.ts";
import { AppError } from "../core/errors.ts";
import type { AppId, AppName } from "../core/ids.ts";
import type { ChangeDeps } from "../releases/changes.ts";
import type { Build } from "../core/types.ts";
import { type BuildLogs, keptOutputs } from "../releases/build-log.ts";
import type { AppSettingsStore } from "../store/app-settings.ts";

export interface BuildsDeps extends ChangeDeps {
  readonly buildLogs: BuildLogs;
  readonly appSettings: AppSettingsStore;
  readonly allowance: (appId: AppId) => Promise<Allowance>;
  readonly purgeCache: (appId: AppId) => Promise<number | undefined>;
}

export function createBuilds(deps: BuildsDeps): BuildsPort {
  const limitsView = async (appId: AppId): Promise<BuildLimitsView> => {
    const own = deps.appSettings.get(appId, limitsKey, ownLimits) ?? {};
    const { limits } = await deps.allowance(appId);
    return { limits, own: (Object.keys(own) as (keyof BuildLimits)[]).filter((name) => own[name] !== undefined) };
  };
  const buildOf = (appId: AppId, name: AppName, number: number): Build => {
    const build = deps.releases.builds(appId).find((one) => one.number === number);
    if (build === undefined) throw new AppError("BUILD_NOT_FOUND", { name, number });
    return build;
  };
  return {
    limits: (name) => limitsView(deps.apps.get(name).id),
    async setLimits(_actor, name, change) {
      const { id } = deps.apps.get(name);
      const own = deps.appSettings.get(id, limitsKey, ownLimits);
      if (change === undefined) deps.appSettings.unset(id, limitsKey);
      else deps.appSettings.set(id, limitsKey, { ...own, ...change });
      return await limitsView(id);
    },
    dockerfile: (name) => deps.appSettings.get(deps.apps.get(name).id, dockerfileKey, dockerfileSettings) ?? {},
    setDockerfile(_actor, name, change) {
      const { id } = deps.apps.get(name);
      const own = deps.appSettings.get(id, dockerfileKey, dockerfileSettings);
      if (change === undefined) deps.appSettings.unset(id, dockerfileKey);
      else deps.appSettings.set(id, dockerfileKey, { ...own, ...change });
      return change === undefined ? {} : { ...own, ...change };
    },
    list: (name) => deps.releases.builds(deps.apps.get(name).id),
    async output(name, number) {
      const app = deps.apps.get(name);
      const output = await deps.buildLogs.read(app.id, buildOf(app.id, name, number).id);
      if (output === undefined) throw new AppError("BUILD_OUTPUT_GONE", { name, number, kept: keptOutputs });
      return output;
    },
    async purgeCache(_actor, name) {
      const freedBytes = await deps.purgeCache(deps.apps.get(name).id);
      if (freedBytes === undefined) throw new AppError("BUILD_CACHE_IN_USE", { name });
      return { freedBytes };
    },
    cancel(actor, name, number) {
      const app = deps.apps.get(name);
      const build = number === undefined ? undefined : buildOf(app.id, name, number);
      return deps.queue.cancel(app.id, new AppError("DEPLOY_CANCELLED", { actor: actor.name }), build?.id);
    },
  };
}

export type PlatformParts = Omit<Platform, "system"> & { readonly info: () => SystemInfo };

export function createPlatform({ info, ...ports }: PlatformParts): Platform {
  return { ...ports, system: { info } };
}
