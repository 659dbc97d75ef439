import type { Output } from "../core/output.ts";
import type { Binding, ServiceInstance } from "../core/types.ts";
import type { ServiceStore } from "../store/services.ts";
import type { Provisioned, ServiceContainers } from "./containers.ts";
import { type Account, accountOf } from "./kind.ts";
import { kindOf } from "./kinds.ts";

export type Access = ReturnType<typeof createAccess>;

/**
 * Who may sign in to a service is derived: from its bindings, from those that are being made, and from those that are
 * being ended while instances still use them. Saying it again mends whatever a crash has left.
 */
export function createAccess(store: ServiceStore, containers: ServiceContainers) {
  const leaving = new Set<Binding>();
  const synced = new Set<string>();

  const accountsOf = (serviceId: string): readonly Account[] => {
    const ending = [...leaving].filter((binding) => binding.serviceId === serviceId);
    const all = [...store.bindingsOf(serviceId), ...ending];
    return all.map((binding) => accountOf(binding.credentials)).filter((account) => account !== undefined);
  };

  const sync = async (it: Provisioned, extra: readonly Account[], signal: AbortSignal): Promise<void> => {
    synced.delete(it.service.id);
    await containers.waitReady(it, signal);
    await containers.syncAccess(it, [...accountsOf(it.service.id), ...extra], signal);
    synced.add(it.service.id);
  };

  return {
    containers,
    leaving,

    /** Undefined for a user-provided service. */
    provisioned(service: ServiceInstance): Provisioned | undefined {
      const kind = kindOf(service.offering);
      const plan = kind?.offering.plans.find(({ name }) => name === service.plan) ?? kind?.offering.plans[0];
      if (kind === undefined || plan === undefined) return undefined;
      return { service, kind, plan, secret: store.credentials(service.id) };
    },

    isLeaving: (serviceId: string) => [...leaving].some((binding) => binding.serviceId === serviceId),
    sync,

    /** Brings the container up if need be and its accounts in line. Answers true when nothing had to be done. */
    async ensure(it: Provisioned, out: Output, signal: AbortSignal): Promise<boolean> {
      const untouched = await containers.ensureRunning(it, out, signal);
      if (untouched && synced.has(it.service.id)) return true;
      await sync(it, [], signal);
      return untouched;
    },
  };
}
