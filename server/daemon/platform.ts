import type { BuildsPort, Platform, SystemInfo } from "../api/platform.ts";
import { AppError } from "../core/errors.ts";
import type { ChangeDeps } from "../releases/changes.ts";
import type { BuildLogs } from "../releases/build-log.ts";

export function createBuilds(deps: ChangeDeps & { readonly buildLogs: BuildLogs }): BuildsPort {
  return {
    list: (name) => deps.releases.builds(deps.apps.get(name).id),
    async output(name, number) {
      const app = deps.apps.get(name);
      const build = deps.releases.builds(app.id).find((one) => one.number === number);
      if (build === undefined) throw new AppError("BUILD_NOT_FOUND", { name, number });
      return await deps.buildLogs.read(app.id, build.id);
    },
    cancel(actor, name) {
      const app = deps.apps.get(name);
      return deps.queue.cancel(app.id, new AppError("DEPLOY_CANCELLED", { actor: actor.name }));
    },
  };
}

export type PlatformParts = Omit<Platform, "system"> & { readonly info: () => SystemInfo };

export function createPlatform({ info, ...ports }: PlatformParts): Platform {
  return { ...ports, system: { info } };
}
