import { buildSettings } from "../builds/settings.ts";
import { isAppError } from "../core/errors.ts";
import { parseAppName, type AppId } from "../core/ids.ts";
import type { App } from "../core/types.ts";
import type { Authority } from "../auth/authority.ts";
import type { AppsPort } from "../api/platform.ts";
import type { Pushes } from "../git/ports.ts";
import { deploy } from "../releases/deploy.ts";
import type { ReleaseDeps } from "../releases/deps.ts";

export interface PushesInput {
  readonly apps: AppsPort;
  readonly deps: ReleaseDeps;
  readonly authority: Pick<Authority, "requireCan">;
  /** After a deploy, in the background: removes what no rollback needs any more. Never rejects. */
  readonly tidyUp: (appId: AppId) => Promise<void>;
  /** Aborts when the daemon stops. */
  readonly shutdown: AbortSignal;
}

/** What a push does: finds or creates the app, deploys, and adopts the branch of the first one that came up. */
export function createPushes(input: PushesInput): Pushes {
  const { apps, deps, authority } = input;
  return {
    target(actor, raw) {
      const name = parseAppName(raw);
      try {
        const { app } = apps.get(name);
        authority.requireCan(actor, "app:push", { app: app.name });
        return { app, created: false };
      } catch (err) {
        if (!isAppError(err, "APP_NOT_FOUND")) throw err;
      }
      authority.requireCan(actor, "app:create", { app: name });
      return { app: apps.create(actor, name).app, created: true };
    },

    source(actor, raw) {
      const { app } = apps.get(parseAppName(raw));
      authority.requireCan(actor, "app:source", { app: app.name });
      return app;
    },

    onDisconnect: (app) => buildSettings(deps.settings, app.id).onDisconnect,

    async deploy(push, out, signal) {
      const stop = AbortSignal.any([signal, input.shutdown]);
      const { ok: isUp } = await deploy(deps, { ...push, source: { kind: "push" } }, out, stop);
      if (isUp) adoptBranch(deps, push.app, push.branch);
      void input.tidyUp(push.app.id);
      return isUp;
    },
  };
}

function adoptBranch(deps: ReleaseDeps, app: App, branch: string): void {
  if (deps.apps.getById(app.id)?.deployBranch === undefined) deps.apps.setDeployBranch(app.id, branch);
}
