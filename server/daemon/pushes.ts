import { isAppError } from "../core/errors.ts";
import { parseAppName } from "../core/ids.ts";
import type { Actor, App } from "../core/types.ts";
import type { AppsPort } from "../api/platform.ts";
import type { Pushes } from "../git/ports.ts";
import { deploy } from "../releases/deploy.ts";
import type { ReleaseDeps } from "../releases/deps.ts";

export interface PushesInput {
  readonly apps: AppsPort;
  readonly deps: ReleaseDeps;
  readonly authorize: (actor: Actor, verb: "apps:push" | "apps:create", resource: string) => void;
}

/** What a push does: finds or creates the app, deploys, and adopts the branch of the first one that came up. */
export function createPushes(input: PushesInput): Pushes {
  const { apps, deps, authorize } = input;
  return {
    target(actor, raw) {
      const name = parseAppName(raw);
      try {
        const { app } = apps.get(name);
        authorize(actor, "apps:push", app.name);
        return { app, created: false };
      } catch (err) {
        if (!isAppError(err, "APP_NOT_FOUND")) throw err;
      }
      authorize(actor, "apps:create", name);
      return { app: apps.create(actor, name).app, created: true };
    },

    async deploy(push, out, signal) {
      const isUp = await deploy(deps, push, out, signal);
      if (isUp) adoptBranch(deps, push.app, push.branch);
      return isUp;
    },
  };
}

function adoptBranch(deps: ReleaseDeps, app: App, branch: string): void {
  if (deps.apps.getById(app.id)?.deployBranch === undefined) deps.apps.setDeployBranch(app.id, branch);
}
