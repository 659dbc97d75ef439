import type { KeyedLock } from "../core/keyed-lock.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import type { BuildInput } from "../releases/ports.ts";
import type { AppCacheState } from "./app-cache.ts";
import type { Breaches } from "./breach.ts";
import type { BuildFailed } from "./failure.ts";
import type { BuildOwner, ImageEngine } from "./image-engine.ts";
import type { DockerfileSettings } from "./dockerfile-settings.ts";
import type { BuildLimits } from "./limits.ts";

export interface StackImages {
  readonly id: string;
  readonly buildImage: string;
  readonly runImage: string;
}

/** What a build may take, and what must stay. */
export interface Allowance {
  readonly limits: BuildLimits;
  /** Bytes that stay free on the engine's disk whatever a build does. */
  readonly floorBytes: number;
}

/** What every part of one build works with. */
export interface BuildContext {
  readonly engine: ImageEngine;
  readonly input: BuildInput;
  readonly owner: BuildOwner;
  readonly limits: BuildLimits;
  /** What the app has set for its Dockerfile. */
  readonly dockerfile: DockerfileSettings;
  /** How the app's build cache was purged. */
  readonly cache: AppCacheState;
  /** To be called when the steps of a Dockerfile have run. */
  readonly stepsMade: () => void;
  /** Notes when steps of a Dockerfile ran, whatever came of them. */
  readonly stepsRan: (from: number, to: number) => void;
  readonly breaches: Breaches;
  /** Bytes that stay free on the engine's disk whatever a build does. */
  readonly floorBytes: number;
  /** Masked. */
  readonly out: Output;
  readonly log: Log;
  /** What several builds may need at once is made by one of them. */
  readonly onePerKey: KeyedLock;
  /** Ends with the caller's signal, at the deadline or at another limit. */
  readonly signal: AbortSignal;
  /**
   * Waits until the machine has room for a build that runs commands: to be called before the first of them, as often as
   * one likes, and never within `onePerKey`. What only copies files does not ask.
   */
  readonly admit: () => Promise<void>;
  /** Notes layers, system images and caches that the build uses. */
  readonly used: (refs: readonly string[]) => void;
  /** Ends the build with this outcome. */
  readonly end: (failure: BuildFailed) => void;
  /** What is being done, as `timed` was told. */
  readonly current: () => string;
  /** Removes a container without being waited for; a build that fails ends when all are gone. */
  remove(container: string): void;
  /** Notes what is being done, for the message when the deadline ends it, and how long it took. */
  timed<T>(step: string | (() => string), work: () => Promise<T>): Promise<T>;
}
