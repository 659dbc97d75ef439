import { AppError } from "../core/errors.ts";
import { defaultSpace, newId, parseAppName, type AppId, type AppName } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { Actor, App } from "../core/types.ts";
import type { AppInfo, AppsPort } from "../api/platform.ts";
import type { AppQueue } from "./queue.ts";
import type { AppStore } from "../store/apps.ts";
import type { ReleaseStore } from "../store/releases.ts";

export interface AppsDeps {
  readonly apps: AppStore;
  readonly releases: ReleaseStore;
  readonly queue: AppQueue;
  readonly routes: {
    createDefault(app: App): void;
    urlsOf(appId: AppId): readonly string[];
    rename(app: App, to: AppName): void;
  };
  readonly publishRoutes: () => Promise<void>;
  readonly destroy: (app: App, out: Output, signal: AbortSignal) => Promise<void>;
  /** Host and port that clients reach ssh and the API at. */
  readonly gitUrls: (name: AppName) => { readonly ssh: string; readonly http: string };
  readonly say: (appId: AppId, process: string, text: string) => void;
  readonly now: () => number;
}

export function createApps(deps: AppsDeps): AppsPort {
  const info = (app: App): AppInfo => {
    const git = deps.gitUrls(app.name);
    return {
      app,
      version: deps.releases.currentGeneration(app.id)?.version,
      urls: deps.routes.urlsOf(app.id),
      gitSsh: git.ssh,
      gitHttp: git.http,
    };
  };

  return {
    list: () =>
      deps.apps
        .list()
        .filter((app) => !deps.apps.isGoing(app.id))
        .map(info),
    get: (name) => info(deps.apps.get(name)),

    create(actor: Actor, name: AppName) {
      const app: App = {
        id: newId() as AppId,
        name: parseAppName(name),
        space: defaultSpace,
        deployBranch: undefined,
        stopped: false,
        createdAt: deps.now(),
      };
      deps.apps.insert(app);
      try {
        deps.routes.createDefault(app);
      } catch (err) {
        deps.apps.delete(app.id);
        throw err;
      }
      deps.say(app.id, "api", `App created by ${actor.name}`);
      void deps.publishRoutes().catch(() => undefined);
      return info(app);
    },

    async rename(actor, name, to) {
      const app = deps.apps.get(name);
      const target = parseAppName(to);
      if (deps.apps.find(target) !== undefined) throw new AppError("APP_EXISTS", { name: target });
      deps.routes.rename(app, target);
      deps.apps.rename(app.id, target);
      await deps.publishRoutes();
      deps.say(app.id, "api", `Renamed from ${name} by ${actor.name}`);
      return info(deps.apps.get(target));
    },

    async destroy(_actor, name, confirm, out, signal) {
      const app = deps.apps.get(name);
      if (confirm !== name) throw new AppError("APP_CONFIRM_MISMATCH", { name });
      deps.queue.cancel(app.id, new AppError("DEPLOY_CANCELLED", { actor: "apps:destroy" }));
      await deps.destroy(app, out, signal);
    },
  };
}
