import type { ServicesPort, ServiceView } from "../api/platform.ts";
import { AppError } from "../core/errors.ts";
import { type AppId, defaultSpace, newId, type ServiceName, type SpaceName } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Clock } from "../core/time.ts";
import type { ServiceStore, StoredService } from "../store/services.ts";
import { createAccess } from "./access.ts";
import { createBinder } from "./binder.ts";
import { createServiceContainers, type ContainerDeps } from "./containers.ts";
import { type ServiceEnvironment, toEnvironment } from "./environment.ts";
import { createKeyedLock } from "../core/keyed-lock.ts";
import { describe, kinds, userProvided } from "./kinds.ts";
import { createProvisioner } from "./provisioner.ts";
import type { AppDirectory, Redeploy } from "./ports.ts";
import { createReconcile } from "./reconcile.ts";
import { checkCredentials } from "./user-provided.ts";

export interface ServicesDeps extends ContainerDeps {
  readonly store: ServiceStore;
  readonly apps: AppDirectory;
  readonly redeploy: Redeploy;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Services extends ServicesPort {
  /** What an app's instances get for its bindings. */
  environmentOf(appId: AppId): ServiceEnvironment;
  /** Before an app is destroyed: ends its bindings and closes their access. No release is made. */
  unbindAll(appId: AppId, signal: AbortSignal): Promise<void>;
  /**
   * At start and when the engine is back: finishes or undoes what was cut short, and sees to it that every service's
   * container is there, runs and knows its bindings. Fails for no single service; may build an image.
   */
  reconcile(signal: AbortSignal): Promise<void>;
}

/** Backing services and their bindings. One operation per service at a time. */
export function createServices(deps: ServicesDeps): Services {
  const { store } = deps;
  const locks = createKeyedLock();
  const access = createAccess(store, createServiceContainers(deps));
  const provisioner = createProvisioner(deps, locks, access);
  const binder = createBinder(deps, locks, access);
  const reconcile = createReconcile(deps, locks, access);
  const viewOf = (service: StoredService): ServiceView => ({ ...service, bindings: store.boundApps(service.id) });

  const get = (space: SpaceName, name: ServiceName): ServiceView => {
    const service = store.find(space, name);
    if (service === undefined) throw new AppError("SERVICE_NOT_FOUND", { name });
    return viewOf(service);
  };

  return {
    marketplace: () => kinds.map((kind) => kind.offering),
    list: () => store.list().map(viewOf),
    get: (name) => get(defaultSpace, name),

    async create(actor, offering, plan, name, out, signal) {
      await provisioner.create({ actor, offering, plan, name, space: defaultSpace }, out, signal);
      return get(defaultSpace, name);
    },

    createUserProvided(actor, name, credentials) {
      checkCredentials(name, credentials);
      const existing = store.find(defaultSpace, name);
      if (existing !== undefined) throw new AppError("SERVICE_EXISTS", { name, what: describe(existing) });
      const service = { id: newId(), name, space: defaultSpace, offering: userProvided, plan: undefined };
      store.insert({ ...service, status: "ready", createdAt: deps.clock() }, credentials);
      deps.log.info("service created", { service: name, offering: userProvided, actor: actor.name });
      return get(defaultSpace, name);
    },

    bind: binder.bind,
    unbind: binder.unbind,
    delete: (actor, name, confirm, out, signal) =>
      provisioner.delete({ actor, name, space: defaultSpace, confirm }, out, signal),

    environmentOf: (appId) => toEnvironment(store.bindingsOfApp(appId)),
    unbindAll: binder.unbindAll,
    reconcile,
  };
}
