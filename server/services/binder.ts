import { AppError } from "../core/errors.ts";
import { type AppId, type AppName, newId, type ServiceName } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import type { Clock } from "../core/time.ts";
import type { Actor, App, Binding } from "../core/types.ts";
import type { ServiceStore, StoredService } from "../store/services.ts";
import type { Access } from "./access.ts";
import { chooseEnvName } from "./environment.ts";
import type { KeyedLock } from "../core/keyed-lock.ts";
import { lockKey } from "./lock-key.ts";
import { type Account, newPassword } from "./kind.ts";
import type { AppDirectory, Redeploy } from "./ports.ts";

/** Undoing and closing go on when the caller has gone. */
const finishMs = 2 * 60_000;

interface BinderDeps {
  readonly store: ServiceStore;
  readonly apps: AppDirectory;
  readonly redeploy: Redeploy;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Binds and unbinds. The lock of a service is never held during a deploy: the deploy of another app that waits for
 * this one may want it.
 */
export function createBinder(deps: BinderDeps, locks: KeyedLock, access: Access) {
  const { store, apps, log } = deps;

  /** Undefined when the app is bound already. */
  const attach = async (app: App, service: StoredService, out: Output, signal: AbortSignal) => {
    if (store.binding(service.id, app.id) !== undefined) return undefined;
    const id = newId();
    const credentials = await openAccess(service, accountFor(app, id), out, signal);
    const binding = { id, serviceId: service.id, appId: app.id, credentials, createdAt: deps.clock() };
    return store.bind(binding, (taken) => chooseEnvName(service, credentials, taken));
  };

  const openAccess = async (service: StoredService, account: Account, out: Output, signal: AbortSignal) => {
    const it = access.provisioned(service);
    if (it === undefined) return store.credentials(service.id);
    await access.ensure(it, out, signal);
    await access.sync(it, [account], signal);
    return it.kind.credentials(service, account);
  };

  /** What cannot be closed now is closed by the next reconcile, which is told of by `false`. */
  const closeAccess = async (service: StoredService): Promise<boolean> => {
    const it = access.provisioned(service);
    if (it === undefined || service.status !== "ready") return true;
    try {
      const signal = AbortSignal.timeout(finishMs);
      await locks.run(lockKey(service), signal, () => access.sync(it, [], signal));
      return true;
    } catch (err) {
      log.warn("access to a service not closed yet", { service: service.name, err });
      return false;
    }
  };

  const undoBind = async (service: StoredService, binding: Binding, out: Output) => {
    store.unbind(binding.id);
    await closeAccess(service);
    out.problem(`${service.name} is not bound: the release with it did not come up.`);
  };

  const undoUnbind = (service: StoredService, binding: Binding, out: Output) => {
    const usual = binding.envName;
    try {
      store.bind(binding, (taken) =>
        usual === undefined || !taken.has(usual) ? usual : chooseEnvName(service, binding.credentials, taken),
      );
      out.problem(`${service.name} is still bound: the release without it did not come up.`);
    } catch (err) {
      // The app has been destroyed meanwhile, or bound anew.
      log.warn("service stays unbound", { service: service.name, err });
    }
  };

  return {
    bind: async (
      actor: Actor,
      appName: AppName,
      name: ServiceName,
      out: Output,
      signal: AbortSignal,
    ): Promise<void> => {
      const app = apps.get(appName);
      const { service, binding } = await locks.run(lockKey({ space: app.space, name }), signal, async () => {
        const found = requireReady(requireService(store, app, name));
        return { service: found, binding: await attach(app, found, out, signal) };
      });
      if (binding === undefined) return out.detail(`${name} is bound to ${appName} already`);
      out.step(`Binding ${name} to ${appName}`);
      out.detail(binding.envName ? `its URL is in ${binding.envName}` : "its credentials are in VCAP_SERVICES");
      try {
        await deps.redeploy(actor, app, `Bind ${name}`, out, signal);
      } catch (err) {
        await undoBind(service, binding, out);
        throw err;
      }
      log.info("service bound", { service: name, app: appName, actor: actor.name });
    },

    unbind: async (
      actor: Actor,
      appName: AppName,
      name: ServiceName,
      out: Output,
      signal: AbortSignal,
    ): Promise<void> => {
      const app = apps.get(appName);
      const { service, binding } = await locks.run(lockKey({ space: app.space, name }), signal, async () => {
        const found = requireService(store, app, name);
        const bound = store.binding(found.id, app.id);
        if (bound === undefined) throw new AppError("SERVICE_NOT_BOUND", { app: appName, name });
        access.leaving.add(bound);
        store.unbind(bound.id);
        return { service: found, binding: bound };
      });
      out.step(`Unbinding ${name} from ${appName}`);
      try {
        await deps.redeploy(actor, app, `Unbind ${name}`, out, signal);
      } catch (err) {
        undoUnbind(service, binding, out);
        throw err;
      } finally {
        access.leaving.delete(binding);
      }
      if (!(await closeAccess(service))) out.detail(`${name} does not answer: its access is closed when it does again`);
      log.info("service unbound", { service: name, app: appName, actor: actor.name });
    },

    unbindAll: async (appId: AppId, signal: AbortSignal): Promise<void> => {
      for (const { service, binding } of store.bindingsOfApp(appId)) {
        signal.throwIfAborted();
        store.unbind(binding.id);
        await closeAccess(service);
      }
    },
  };
}

/** The app's name shows whose session it is; the id makes it unique. */
function accountFor(app: App, bindingId: string): Account {
  return { username: `${app.name.replaceAll("-", "_")}_${bindingId}`, password: newPassword() };
}

function requireService(store: ServiceStore, app: App, name: ServiceName): StoredService {
  const service = store.find(app.space, name);
  if (service === undefined) throw new AppError("SERVICE_NOT_FOUND", { name });
  return service;
}

function requireReady(service: StoredService): StoredService {
  if (service.status === "ready") return service;
  const state = service.reason === undefined ? service.status : `${service.status}, ${service.reason}`;
  const hint = `See "paas services"; to be rid of it: paas delete-service ${service.name} --confirm ${service.name}`;
  throw new AppError("SERVICE_NOT_READY", { name: service.name, state, hint });
}
