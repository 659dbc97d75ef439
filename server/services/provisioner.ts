import { AppError, isAppError, messageOf } from "../core/errors.ts";
import { newId, type ServiceName, type SpaceName } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import { type Clock, formatDuration } from "../core/time.ts";
import type { Actor } from "../core/types.ts";
import type { ServiceStore } from "../store/services.ts";
import type { Access } from "./access.ts";
import type { Provisioned } from "./containers.ts";
import type { KeyedLock } from "../core/keyed-lock.ts";
import { lockKey } from "./lock-key.ts";
import type { Plan, ServiceKind } from "./kind.ts";
import { describe, kindOf, kinds, userProvided } from "./kinds.ts";

/** Once something must be undone or finished, the caller's signal no longer counts. */
const finishMs = 2 * 60_000;
const tailMs = 10_000;

interface Which {
  readonly actor: Actor;
  readonly space: SpaceName;
  readonly name: ServiceName;
}

export interface CreateRequest extends Which {
  readonly offering: string;
  readonly plan: string;
}

export interface DeleteRequest extends Which {
  readonly confirm: string | undefined;
}

interface ProvisionerDeps {
  readonly store: ServiceStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes and deletes services with a container of their own. */
export function createProvisioner(deps: ProvisionerDeps, locks: KeyedLock, access: Access) {
  const { store, clock, log } = deps;

  const make = async (request: CreateRequest, kind: ServiceKind, plan: Plan, out: Output, signal: AbortSignal) => {
    const startedAt = clock();
    const { space, name, offering } = request;
    const service = {
      id: newId(),
      name,
      space,
      offering,
      plan: plan.name,
      status: "creating",
      createdAt: startedAt,
    } as const;
    const secret = kind.newSecret();
    store.insert(service, secret);
    const it = { service, kind, plan, secret };
    out.step(`Creating ${name}: ${offering} ${kind.offering.version}, ${plan.name} (${plan.description})`);
    try {
      await bringUp(access, it, out, signal);
    } catch (err) {
      throw await undo(it, err, out, signal);
    }
    store.setStatus(service.id, "ready");
    log.info("service created", { service: name, offering, plan: plan.name, actor: request.actor.name });
    out.detail(`ready in ${formatDuration(clock() - startedAt)}`);
  };

  /** Leaves nothing behind, and answers what to throw. */
  const undo = async (it: Provisioned, err: unknown, out: Output, signal: AbortSignal): Promise<unknown> => {
    const { service } = it;
    log.warn("service not created", { service: service.name, err });
    await showLastLines(it, out, signal);
    store.setStatus(service.id, "deleting", messageOf(err));
    try {
      await access.containers.tearDown(service, AbortSignal.timeout(finishMs));
      store.remove(service.id);
    } catch (cleanUpError) {
      log.error("service not removed, it is tried again later", { service: service.name, err: cleanUpError });
    }
    if (signal.aborted || isAppError(err, "ENGINE_UNAVAILABLE", "SERVICE_IMAGE_FAILED")) return err;
    const reason = messageOf(err).replace(/\.$/, "");
    const { name, offering, plan } = service;
    return new AppError("SERVICE_CREATE_FAILED", { name, offering, plan, reason }, { cause: err });
  };

  const showLastLines = async (it: Provisioned, out: Output, signal: AbortSignal) => {
    if (signal.aborted) return;
    const lines = await access.containers.lastLines(it.service, AbortSignal.timeout(tailMs));
    if (lines.length > 0) out.problem(`The last lines of ${it.service.name}:`);
    for (const line of lines) out.detail(line);
  };

  /** True when it is there as wanted. What never came to be gives way. */
  const isThere = async (request: CreateRequest, signal: AbortSignal): Promise<boolean> => {
    const existing = store.find(request.space, request.name);
    if (existing === undefined) return false;
    const same = existing.offering === request.offering && existing.plan === request.plan;
    if (existing.status === "ready" && same) return true;
    const failed = existing.status === "failed" && store.bindingsOf(existing.id).length === 0;
    if (!failed || (await access.containers.hasVolume(existing, signal))) {
      const state = existing.status === "ready" ? "" : `, ${existing.status}`;
      throw new AppError("SERVICE_EXISTS", { name: request.name, what: describe(existing) + state });
    }
    store.remove(existing.id);
    return false;
  };

  return {
    async create(request: CreateRequest, out: Output, signal: AbortSignal): Promise<void> {
      const kind = requireKind(request.offering);
      const plan = requirePlan(kind, request);
      await locks.run(lockKey(request), signal, async () => {
        if (await isThere(request, signal)) out.detail(`${request.name} already exists`);
        else await make(request, kind, plan, out, signal);
      });
    },

    async delete(request: DeleteRequest, out: Output, signal: AbortSignal): Promise<void> {
      const { name } = request;
      await locks.run(lockKey(request), signal, async () => {
        const service = store.find(request.space, name);
        if (service === undefined) throw new AppError("SERVICE_NOT_FOUND", { name });
        assertUnbound(name, store.boundApps(service.id));
        if (access.isLeaving(service.id)) throw stillLeaving(name);
        const holdsData = service.offering !== userProvided;
        const mustConfirm = holdsData || request.confirm !== undefined;
        if (mustConfirm && request.confirm !== name) throw new AppError("SERVICE_CONFIRM_MISMATCH", { name });
        out.step(`Deleting ${name} (${describe(service)})`);
        store.setStatus(service.id, "deleting");
        if (holdsData) await access.containers.tearDown(service, AbortSignal.timeout(finishMs));
        store.remove(service.id);
        log.info("service deleted", { service: name, offering: service.offering, actor: request.actor.name });
      });
    },
  };
}

/** Volume, container, answers, database and accounts. May be done again after it was cut short anywhere. */
export async function bringUp(access: Access, it: Provisioned, out: Output, signal: AbortSignal): Promise<void> {
  await access.containers.createVolume(it.service, signal);
  await access.ensure(it, out, signal);
}

function assertUnbound(name: string, bound: readonly { readonly app: string }[]): void {
  if (bound.length === 0) return;
  const apps = bound.map(({ app }) => app);
  const commands = apps.map((app) => `paas unbind-service ${app} ${name}`).join("; ");
  throw new AppError("SERVICE_BOUND", { name, apps: apps.join(", "), commands });
}

function stillLeaving(name: string): AppError {
  const hint = `When that is done, run: paas delete-service ${name} --confirm ${name}`;
  return new AppError("SERVICE_NOT_READY", { name, state: "an app is being unbound from it", hint });
}

function requireKind(offering: string): ServiceKind {
  const kind = kindOf(offering);
  if (kind !== undefined) return kind;
  const offerings = kinds.map((each) => each.offering.name).join(", ");
  throw new AppError("OFFERING_NOT_FOUND", { offering, offerings });
}

function requirePlan(kind: ServiceKind, request: CreateRequest): Plan {
  const all = kind.offering.plans;
  const plan = all.find((each) => each.name === request.plan);
  if (plan !== undefined) return plan;
  const plans = all.map((each) => each.name).join(", ");
  const { offering, name } = request;
  throw new AppError("PLAN_NOT_FOUND", { offering, plan: request.plan, plans, first: all[0]?.name, name });
}
