import type { AppId } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { App } from "../core/types.ts";
import type { BuildLogs } from "../releases/build-log.ts";
import { destroyApp, type DestroyDeps } from "../releases/destroy.ts";
import { silentOutput } from "../core/output.ts";
import type { RoutePublisher } from "../routes/publisher.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { Services } from "../services/services.ts";
import type { Runtime } from "./runtime.ts";
import type { State } from "./state.ts";

export interface DestroyParts {
  readonly state: State;
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  readonly publisher: RoutePublisher;
  readonly publishRoutes: () => Promise<void>;
  readonly services: Services;
  readonly buildLogs: BuildLogs;
  readonly removeRepo: (appId: AppId) => Promise<void>;
}

/** Removal of apps, and the end of removals that a crash interrupted. */
export function createDestroy(parts: DestroyParts) {
  const { state, runtime, scheduler } = parts;
  const deps: DestroyDeps = {
    apps: state.apps,
    forget: async (appId, signal) => {
      await scheduler.forget(appId, signal);
      parts.publisher.forget(appId);
    },
    deleteRoutes: (appId) => state.routes.deleteOf(appId),
    publishRoutes: parts.publishRoutes,
    unbindAll: (app) => parts.services.unbindAll(app.id, AbortSignal.timeout(60_000)),
    removeRepo: parts.removeRepo,
    removeLogs: (appId) => runtime.logs.removeApp(appId),
    removeBuildLogs: (appId) => parts.buildLogs.remove(appId),
    images: runtime.own,
  };
  const destroy = async (app: App, out: Output, signal: AbortSignal): Promise<void> => {
    await destroyApp(deps, app, out, signal);
    await runtime.networks.removeUnused(signal);
  };
  const finish = async (signal: AbortSignal): Promise<void> => {
    for (const app of state.apps.listDestroying()) await destroy(app, silentOutput, signal);
  };
  return { destroy, finish };
}
