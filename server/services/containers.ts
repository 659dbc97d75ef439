import { setTimeout as delay } from "node:timers/promises";
import { AppError, isAppError, messageOf } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import type { ServiceInstance } from "../core/types.ts";
import { type Account, hostOf, type Plan, type Secret, type ServiceKind, type Target } from "./kind.ts";
import { createKeyedLock } from "../core/keyed-lock.ts";
import type { ServiceRuntime, Stack } from "./ports.ts";

const stopGraceMs = 60_000;
const readyTimeoutMs = 90_000;
const readyEveryMs = 100;

export interface ContainerDeps {
  readonly runtime: ServiceRuntime;
  /** Name of the network of a space, made when missing. */
  networkOf(space: string, signal: AbortSignal): Promise<string>;
  stack(): Promise<Stack>;
}

export interface Provisioned {
  readonly service: ServiceInstance;
  readonly kind: ServiceKind;
  readonly plan: Plan;
  readonly secret: Secret;
}

/** One service's container: made, repaired, asked and removed. Its data volume is only ever removed by `tearDown`. */
export type ServiceContainers = ReturnType<typeof createServiceContainers>;

export function createServiceContainers(deps: ContainerDeps) {
  const { runtime } = deps;
  const images = createKeyedLock();

  const create = async (it: Provisioned, network: string, out: Output, signal: AbortSignal) => {
    const { name } = it.kind.offering;
    const recipe = { name, dir: it.kind.imageDir, base: await deps.stack() };
    const image = await images.run(name, signal, () => runtime.ensureImage(recipe, out, signal));
    const { service, plan } = it;
    const own = it.kind.container(plan, it.secret);
    await runtime.create({ service, image, network, host: hostOf(service), memoryMb: plan.memoryMb, ...own }, signal);
  };

  /** Running, in its network, whatever was done to the container. Answers true when nothing had to be done. */
  const ensureRunning = async (it: Provisioned, out: Output, signal: AbortSignal): Promise<boolean> => {
    const network = await deps.networkOf(it.service.space, signal);
    const found = await runtime.inspect(it.service, signal);
    if (found?.running && found.networks.includes(network)) return true;
    if (found?.networks.includes(network) && (await started(it, signal))) return false;
    await runtime.remove(it.service, stopGraceMs, signal);
    await create(it, network, out, signal);
    await runtime.start(it.service, signal);
    return false;
  };

  /** False when the engine will not start it as it is: its network has gone, say. Made anew, it will. */
  const started = async (it: Provisioned, signal: AbortSignal): Promise<boolean> => {
    try {
      await runtime.start(it.service, signal);
      return true;
    } catch (err) {
      if (signal.aborted || !isAppError(err, "RUNTIME_FAILED")) throw err;
      return false;
    }
  };

  const targetOf = (it: Provisioned, signal: AbortSignal): Target => ({
    service: it.service,
    secret: it.secret,
    exec: (request) => runtime.exec(it.service, request, signal),
  });

  /** Waits for an answer to a real request; ends early when the container does. */
  const waitReady = async (it: Provisioned, signal: AbortSignal): Promise<void> => {
    const deadline = AbortSignal.timeout(readyTimeoutMs);
    const both = AbortSignal.any([signal, deadline]);
    let problem: string | undefined = "no answer";
    try {
      const before = (await runtime.inspect(it.service, both))?.restarts ?? 0;
      while ((problem = await problemOf(it, both)) !== undefined) {
        const state = await runtime.inspect(it.service, both);
        if (!state?.running || state.restarts > before) throw unreachable(it, "it ended while starting");
        await delay(readyEveryMs, undefined, { signal: both });
      }
    } catch (err) {
      if (!deadline.aborted || signal.aborted) throw err;
      throw unreachable(it, `not ready within ${readyTimeoutMs / 1000} s: ${problem ?? messageOf(err)}`);
    }
  };

  /** The container may end between the look and the command. */
  const problemOf = async (it: Provisioned, signal: AbortSignal): Promise<string | undefined> => {
    try {
      return await it.kind.problem(targetOf(it, signal));
    } catch (err) {
      if (signal.aborted || !isAppError(err, "RUNTIME_FAILED")) throw err;
      return err.message;
    }
  };

  return {
    ensureRunning,
    waitReady,

    createVolume: (service: ServiceInstance, signal: AbortSignal) => runtime.createVolume(service, signal),
    hasVolume: (service: ServiceInstance, signal: AbortSignal) => runtime.hasVolume(service, signal),

    syncAccess: (it: Provisioned, accounts: readonly Account[], signal: AbortSignal) =>
      it.kind.syncAccess(targetOf(it, signal), accounts),

    /** Removes the container and the data. */
    async tearDown(service: ServiceInstance, signal: AbortSignal): Promise<void> {
      await runtime.remove(service, 0, signal);
      await runtime.removeVolume(service, signal);
    },

    /** For a report of a failure: never fails itself. */
    lastLines: (service: ServiceInstance, signal: AbortSignal): Promise<readonly string[]> =>
      runtime.tail(service, 20, signal).catch((err: unknown) => [`(its output cannot be read: ${messageOf(err)})`]),
  };
}

function unreachable(it: Provisioned, reason: string): AppError {
  return new AppError("SERVICE_UNREACHABLE", { name: it.service.name, reason });
}
