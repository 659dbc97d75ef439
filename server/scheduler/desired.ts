import type { AppId, ProcessType } from "../core/ids.ts";
import type { Checks, ConfigVars, Strategy } from "../core/types.ts";
import type { ObservedContainer } from "./engine.ts";
import type { Serving } from "./ports.ts";

/** What one process type of a generation should be. */
export interface DesiredProcess {
  readonly type: ProcessType;
  readonly cohort: string;
  readonly count: number;
  readonly memoryMb: number;
  readonly cpus: number;
  readonly command: readonly string[] | undefined;
  /** Without DYNO and the instance index, which the executor adds. */
  readonly env: ConfigVars;
  /** Set for types that serve requests; they are checked on it and may be routed. */
  readonly port: number | undefined;
  readonly checks: Checks;
}

export interface DesiredGeneration {
  readonly id: string;
  readonly version: number;
  readonly imageId: string;
  readonly processes: readonly DesiredProcess[];
}

export interface Desired {
  readonly appId: AppId;
  readonly appName: string;
  readonly space: string;
  /** Undefined before the first successful deploy. */
  readonly current: DesiredGeneration | undefined;
  /** The generation that rolls out. */
  readonly candidate: DesiredGeneration | undefined;
  /** `recreate`: two generations of the app never run at the same time. */
  readonly strategy: Strategy;
}

/** Outcome of the checks of a running container so far. */
export type Health =
  /** `since`: when the checks began, ms since the epoch; undefined when they have not */
  | { readonly state: "pending"; readonly since: number | undefined; readonly lastProblem: string | undefined }
  /** `at`: when it passed, ms since the epoch; `unready`: why it may not get requests now */
  | { readonly state: "passed"; readonly at: number; readonly unready?: string }
  /** Was up, and its liveness checks fail. */
  | { readonly state: "failed"; readonly lastProblem: string };

export interface ObservedInstance extends ObservedContainer {
  readonly health: Health;
  /** Being drained and stopped: counts for nothing any more. */
  readonly retiring: boolean;
}

/** A start that the engine refused. */
export interface FailedStart {
  readonly type: ProcessType;
  readonly index: number;
  readonly version: number;
  /** ms since the epoch */
  readonly at: number;
  /** How often in a row. */
  readonly times: number;
  /** Of the slot, before. */
  readonly crashes: number;
  readonly reason: string;
}

export interface Observed {
  readonly instances: readonly ObservedInstance[];
  /** Container ids that the router may send requests to, and that are where it believes them. */
  readonly routed: ReadonlySet<string>;
  /** What the router knows of the types that take requests. */
  readonly serving: Serving;
  /** The router has an instance at an address that is no longer its own. */
  readonly displaced: boolean;
  /** By slot. */
  readonly failedStarts: ReadonlyMap<string, FailedStart>;
}

/** Names a place for one instance. */
export function slotKey(process: Pick<DesiredProcess, "type" | "cohort">, index: number): string {
  return `${process.type}.${index} ${process.cohort}`;
}

/** What an instance did wrong, as data: the report and the log render it. */
export type FailureCause =
  | { readonly kind: "exited"; readonly code: number; readonly oomKilled: boolean }
  | { readonly kind: "unhealthy"; readonly lastProblem: string | undefined; readonly timeoutMs: number }
  /** Its liveness checks fail. */
  | { readonly kind: "dead"; readonly problem: string }
  /** Its network was taken away: nothing reaches it and it reaches nothing. */
  | { readonly kind: "stranded" };

export interface InstanceRef {
  readonly id: string;
  readonly type: ProcessType;
  readonly index: number;
}

export type Step =
  | {
      readonly kind: "start";
      readonly generation: DesiredGeneration;
      readonly process: DesiredProcess;
      readonly index: number;
      readonly crashes: number;
    }
  | { readonly kind: "remove"; readonly instance: InstanceRef }
  /** Past its boot time: ends it, so that it counts as a crash. */
  | { readonly kind: "kill"; readonly instance: InstanceRef; readonly cause: FailureCause }
  | { readonly kind: "route"; readonly targets: readonly string[]; readonly serving: Serving }
  /** Drain, SIGTERM, grace, SIGKILL, remove; goes on in the background. */
  | { readonly kind: "retire"; readonly instance: InstanceRef; readonly wasRouted: boolean }
  | { readonly kind: "promote"; readonly generation: DesiredGeneration }
  | {
      readonly kind: "fail";
      readonly generation: DesiredGeneration;
      readonly instance: InstanceRef;
      readonly cause: FailureCause;
    };

export interface Plan {
  readonly steps: readonly Step[];
  /** Look again then at the latest, ms since the epoch. */
  readonly wakeAt: number | undefined;
  /** Slots of the current generation that are not up: starting, crashed, or not there yet. */
  readonly waiting: readonly { readonly type: ProcessType; readonly index: number }[];
}
