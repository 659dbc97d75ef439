import { isAppError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { LineOutput } from "../core/output.ts";
import type { ServiceStore, StoredService } from "../store/services.ts";
import type { Access } from "./access.ts";
import type { KeyedLock } from "../core/keyed-lock.ts";
import { lockKey } from "./lock-key.ts";
import { bringUp } from "./provisioner.ts";

interface ReconcileDeps {
  readonly store: ServiceStore;
  readonly log: Log;
}

/** Makes what is true of the engine agree with what is in the store, one service at a time under its lock. */
export function createReconcile(deps: ReconcileDeps, locks: KeyedLock, access: Access) {
  const { store, log } = deps;
  const out = new LineOutput((line) => log.debug("service", { line }));

  /** A create that was cut short: finished, or undone and kept as failed, as nobody was told. */
  const finishCreate = async (service: StoredService, signal: AbortSignal) => {
    const it = access.provisioned(service);
    if (it === undefined) return;
    try {
      await bringUp(access, it, out, signal);
      store.setStatus(service.id, "ready");
      log.info("service created after an interruption", { service: service.name });
    } catch (err) {
      if (signal.aborted || isAppError(err, "ENGINE_UNAVAILABLE")) throw err;
      await access.containers.tearDown(service, signal);
      store.setStatus(service.id, "failed", messageOf(err));
      log.error("service failed", { service: service.name, err });
    }
  };

  const finishDelete = async (service: StoredService, signal: AbortSignal) => {
    await access.containers.tearDown(service, signal);
    store.remove(service.id);
    log.info("service deleted after an interruption", { service: service.name });
  };

  const repair = async (service: StoredService, signal: AbortSignal) => {
    const it = access.provisioned(service);
    if (it === undefined) return;
    // A new, empty volume in place of the data would look like a service that works.
    if (!(await access.containers.hasVolume(service, signal))) {
      store.setStatus(service.id, "failed", "its data volume is gone");
      log.error("service failed", { service: service.name, reason: "its data volume is gone" });
      return;
    }
    const untouched = await access.ensure(it, out, signal);
    if (!untouched) log.warn("service brought back", { service: service.name });
  };

  const one = async (listed: StoredService, signal: AbortSignal) => {
    const service = store.find(listed.space, listed.name);
    if (service?.id !== listed.id) return;
    if (service.status === "creating") await finishCreate(service, signal);
    if (service.status === "deleting") await finishDelete(service, signal);
    if (service.status === "ready") await repair(service, signal);
  };

  return async (signal: AbortSignal): Promise<void> => {
    const work = store.list().map(async (service) => {
      try {
        await locks.run(lockKey(service), signal, () => one(service, signal));
      } catch (err) {
        if (!signal.aborted) log.error("service not reconciled", { service: service.name, err });
      }
    });
    await Promise.all(work);
  };
}
