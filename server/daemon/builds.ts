import { cpus, freemem, totalmem } from "node:os";
import { buildpacks } from "../../buildpacks/index.ts";
import { appCacheKey, appCacheState, purgedOnce, unpurged } from "../builds/app-cache.ts";
import { createBuilder, type ExternalBuildpacks, type TimedBuilder } from "../builds/builder.ts";
import { BuildGate, defaultParallel } from "../builds/gate.ts";
import { createHousekeeping, type Housekeeping } from "../builds/housekeeping.ts";
import { dockerfileKey, dockerfileSettings } from "../builds/dockerfile-settings.ts";
import type { ImageEngine } from "../builds/image-engine.ts";
import { buildLimits, limitsKey, limitsOf, type Machine, ownLimits } from "../builds/limits.ts";
import { defaultBudget } from "../builds/retention.ts";
import { createBuildCacheStore } from "../store/build-caches.ts";
import type { Allowance, StackImages } from "../builds/build-context.ts";
import type { Config } from "../config/config.ts";
import type { AppId } from "../core/ids.ts";
import { createKeyedLock } from "../core/keyed-lock.ts";
import type { Log } from "../core/log.ts";
import { createAvailable } from "./registry.ts";
import type { State } from "./state.ts";

export interface BuildParts {
  readonly config: Config;
  readonly state: State;
  readonly imageEngine: ImageEngine;
  readonly stackSource: () => Promise<StackImages>;
  readonly external: ExternalBuildpacks;
  /** Names of the stack that is there; undefined without one. */
  readonly stackRefs: () => Promise<readonly string[] | undefined>;
  readonly log: Log;
}

const mib = 1024 ** 2;
const maxFloorBytes = 2048 * mib;
const minFloorBytes = 512 * mib;

/** Who builds, and how much of the machine builds may take. */
export function createBuildParts(parts: BuildParts): BuildRuntime {
  const { config, state, imageEngine, log } = parts;
  const machine = async (): Promise<Machine> => {
    const disk = await imageEngine.disk();
    return { memoryBytes: totalmem(), cpus: cpus().length, diskBytes: disk?.totalBytes };
  };
  const floorBytes = async () => config.diskFloorBytes ?? defaultFloor((await imageEngine.disk())?.totalBytes);
  const allowance = async (appId: AppId): Promise<Allowance> => {
    const here = await machine();
    const own = state.appSettings.get(appId, limitsKey, ownLimits);
    return {
      limits: limitsOf(buildLimits(here), own, here),
      floorBytes: await floorBytes(),
    };
  };
  const size = { memoryBytes: totalmem(), cpus: cpus().length, diskBytes: undefined };
  const parallel = config.parallelBuilds ?? defaultParallel(size, buildLimits(size).memoryBytes);
  const budgetBytes = async () => config.cacheBudgetBytes ?? defaultBudget((await imageEngine.disk())?.totalBytes);
  const housekeeping = createHousekeeping({
    engine: imageEngine,
    store: createBuildCacheStore(state.db),
    stackRefs: parts.stackRefs,
    budgetBytes,
    inUseSince: () => Math.min(Date.now(), ...builder.running.values()),
    now: Date.now,
    log: log.with({ part: "housekeeping" }),
  });
  const cache = (appId: AppId) => state.appSettings.get(appId, appCacheKey, appCacheState) ?? unpurged;
  const builder: TimedBuilder = createBuilder({
    engine: imageEngine,
    buildpacks,
    available: createAvailable(config.home),
    stack: parts.stackSource,
    allowance,
    external: parts.external,
    dockerfile: (appId) => state.appSettings.get(appId, dockerfileKey, dockerfileSettings) ?? {},
    cache,
    stepsMade: (appId) => {
      if (cache(appId).freshSteps) state.appSettings.set(appId, appCacheKey, { ...cache(appId), freshSteps: false });
    },
    onePerKey: createKeyedLock(),
    used: housekeeping.used,
    stepsRan: housekeeping.stepsRan,
    makeRoom: async (bytes) => void (await housekeeping.clean(bytes)),
    gate: new BuildGate({ parallel, freeMemoryBytes: freemem }),
    clock: Date.now,
    log: log.with({ part: "builds" }),
  });
  const purgeCache = async (appId: AppId): Promise<number | undefined> => {
    const bytes = (await imageEngine.cacheBytes(appId)) ?? 0;
    if (!(await imageEngine.removeCacheVolume(appId))) return undefined;
    await imageEngine.keepCached(appId, []);
    state.appSettings.set(appId, appCacheKey, purgedOnce(cache(appId)));
    return bytes;
  };
  return { builder, machine, allowance, floorBytes, budgetBytes, housekeeping, purgeCache };
}

export interface BuildRuntime {
  readonly builder: TimedBuilder;
  readonly housekeeping: Housekeeping;
  /** Bytes of the engine's disk that stay free whatever a build does. */
  readonly floorBytes: () => Promise<number>;
  /** For all that builds use again. */
  readonly budgetBytes: () => Promise<number>;
  readonly machine: () => Promise<Machine>;
  /**
   * Removes what an app's builds keep for the next one, which takes no layer that was made before either. Answers the
   * bytes; undefined when a build is using it.
   */
  readonly purgeCache: (appId: AppId) => Promise<number | undefined>;
  readonly allowance: (appId: AppId) => Promise<Allowance>;
}

/** A fiftieth of the disk, between 512 MiB and 2 GiB: what state, logs and services can go on with. */
function defaultFloor(diskBytes: number | undefined): number {
  return Math.min(maxFloorBytes, Math.max(minFloorBytes, Math.floor((diskBytes ?? 0) / 50)));
}
