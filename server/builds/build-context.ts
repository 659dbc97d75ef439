import type { KeyedLock } from "../core/keyed-lock.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import type { BuildInput } from "../releases/ports.ts";
import type { BuildOwner, ImageEngine } from "./image-engine.ts";
import type { BuildLimits } from "./limits.ts";

export interface StackImages {
  readonly id: string;
  readonly buildImage: string;
  readonly runImage: string;
}

/** How long a part of a build took. */
export interface Timing {
  readonly step: string;
  readonly ms: number;
}

/** What every part of one build works with. */
export interface BuildContext {
  readonly engine: ImageEngine;
  readonly input: BuildInput;
  readonly owner: BuildOwner;
  readonly limits: BuildLimits;
  /** Masked. */
  readonly out: Output;
  readonly log: Log;
  /** What several builds may need at once is made by one of them. */
  readonly onePerKey: KeyedLock;
  /** Ends with the caller's signal or at the deadline. */
  readonly signal: AbortSignal;
  /** Removes a container without being waited for; a build that fails ends when all are gone. */
  remove(container: string): void;
  /** Notes what is being done, for the message when the deadline ends it, and how long it took. */
  timed<T>(step: string | (() => string), work: () => Promise<T>): Promise<T>;
}
