import { setTimeout as delay } from "node:timers/promises";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Breaches } from "./breach.ts";
import type { BuildFailed } from "./failure.ts";
import type { DiskSpace, Usage } from "./image-engine.ts";
import type { BuildLimits } from "./limits.ts";

const lookEveryMs = 250;
/** Walking through what was written costs something: it is done when the disk has visibly filled, else now and then. */
const measureEveryMs = 15_000;
const measurePart = 16;
/** A build that meets the limit for a moment gets an error from the kernel and may cope; one that stays there will not end. */
const stuckLooks = 8;

export interface GuardedEngine {
  disk(): Promise<DiskSpace | undefined>;
  usage(container: string): Promise<Usage | undefined>;
  writtenBytes(container: string): Promise<number | undefined>;
  cacheBytes(appId: AppId): Promise<number | undefined>;
}

export interface GuardOptions {
  readonly engine: GuardedEngine;
  readonly container: string;
  /** Whose cache it writes to, if it does. */
  readonly cacheOf: AppId | undefined;
  readonly limits: BuildLimits;
  /** Bytes that stay free on the engine's disk whatever a build does. */
  readonly floorBytes: number;
  readonly breaches: Breaches;
  readonly step: () => string;
  readonly end: (failure: BuildFailed) => void;
  readonly log: Log;
}

/** Ends a running build at the limits that the kernel does not hold by itself. Disposing stops looking. */
export function startGuard(options: GuardOptions): Disposable {
  const stop = new AbortController();
  void watch(options, stop.signal).catch((err: unknown) => {
    if (!stop.signal.aborted) options.log.warn("a build is not watched any more", { err });
  });
  return { [Symbol.dispose]: () => stop.abort() };
}

async function watch(options: GuardOptions, signal: AbortSignal): Promise<void> {
  const { engine, container, cacheOf, limits } = options;
  const cacheBefore = cacheOf === undefined ? 0 : ((await engine.cacheBytes(cacheOf)) ?? 0);
  let free = (await engine.disk())?.freeBytes;
  let measuredAt = Date.now();
  let looksAtLimit = 0;
  for (;;) {
    await delay(lookEveryMs, undefined, { signal });
    const disk = await engine.disk();
    if (disk !== undefined && disk.freeBytes < options.floorBytes) {
      return options.end(options.breaches.diskIsFull(options.step(), disk.freeBytes, options.floorBytes));
    }
    const usage = await engine.usage(container);
    looksAtLimit = usage !== undefined && isStuck(usage, limits) ? looksAtLimit + 1 : 0;
    if (looksAtLimit >= stuckLooks) return options.end(options.breaches.processes(options.step()));
    const filled = (free ?? 0) - (disk?.freeBytes ?? 0);
    if (filled < limits.diskBytes / measurePart && Date.now() - measuredAt < measureEveryMs) continue;
    free = disk?.freeBytes;
    const own = (await engine.writtenBytes(container)) ?? 0;
    const cache = cacheOf === undefined ? 0 : ((await engine.cacheBytes(cacheOf)) ?? 0) - cacheBefore;
    measuredAt = Date.now();
    signal.throwIfAborted();
    if (own + Math.max(0, cache) > limits.diskBytes) return options.end(options.breaches.disk(options.step()));
  }
}

export type DiskGuardOptions = Pick<GuardOptions, "limits" | "floorBytes" | "breaches" | "step" | "end" | "log"> & {
  readonly engine: Pick<GuardedEngine, "disk">;
};

/**
 * For a build whose containers are the engine's own: what the engine's disk has filled by since it began counts as
 * written by it. Another build at the same time may make that too much, never too little by more than what it frees.
 */
export function startDiskGuard(options: DiskGuardOptions): Disposable {
  const stop = new AbortController();
  void watchDisk(options, stop.signal).catch((err: unknown) => {
    if (!stop.signal.aborted) options.log.warn("a build's disk is not watched any more", { err });
  });
  return { [Symbol.dispose]: () => stop.abort() };
}

async function watchDisk(options: DiskGuardOptions, signal: AbortSignal): Promise<void> {
  const { engine, limits, floorBytes, breaches, step, end } = options;
  const before = await engine.disk();
  if (before === undefined) return;
  for (;;) {
    await delay(lookEveryMs, undefined, { signal });
    const { freeBytes } = (await engine.disk()) ?? before;
    signal.throwIfAborted();
    if (freeBytes < floorBytes) return end(breaches.diskIsFull(step(), freeBytes, floorBytes));
    if (before.freeBytes - freeBytes > limits.diskBytes) return end(breaches.disk(step()));
  }
}

/** At the limit of processes, and refused more. */
function isStuck({ pids, refusedPids }: Usage, limits: BuildLimits): boolean {
  return refusedPids > 0 && pids >= limits.pids * 0.9;
}
