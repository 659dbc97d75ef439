import type { Fault } from "../core/fault.ts";
import type { AppId } from "../core/ids.ts";
import type { Clock } from "../core/time.ts";
import type { Log } from "../core/log.ts";
import type { Desired } from "./desired.ts";
import type { Engine, ObservedContainer } from "./engine.ts";
import type { ProbeTarget } from "./probe.ts";

/** Where requests go: the router as the scheduler needs it. */
export interface Routing {
  /** Where the router may send requests of this app. */
  targets(appId: AppId): readonly RoutedInstance[];
  /** What it was told of the app's process types. */
  serving(appId: AppId): Serving;
  /** Resolves when the router has applied it. */
  publish(appId: AppId, targets: readonly RoutedInstance[], serving: Serving, signal: AbortSignal): Promise<void>;
  /** Resolves when nothing is in flight to the container, or at the deadline. */
  drain(containerId: string, deadlineMs: number, signal: AbortSignal): Promise<void>;
}

/** Which answer is true of a process type where there is no instance to ask. */
export type ServingState = "stopped" | "starting" | "running" | "crashed";
/** By process type that takes requests; before there is a release nothing is. */
export type Serving = "blank" | Readonly<Record<string, ServingState>>;

export interface RoutedInstance {
  readonly id: string;
  /** `web.1` */
  readonly name: string;
  readonly type: string;
  readonly address: string;
  readonly port: number;
}

/** Why an instance did not come up, for people. */
export interface Failure {
  /** `web.1 exited with code 1` */
  readonly reason: string;
  readonly hint: string;
  /** Last lines of its output, oldest first. */
  readonly lines: readonly string[];
}

export interface SchedulerDeps {
  readonly engine: Engine;
  readonly routing: Routing;
  readonly probe: (target: ProbeTarget) => Promise<string | undefined>;
  readonly now: Clock;
  readonly log: Log;
  /** What the store says; undefined when the app is gone or going, and nothing of it shall be left. */
  readonly desired: (appId: AppId) => Desired | undefined;
  /** The commit point. False when the generation is no longer the active one. */
  readonly promote: (generationId: string) => boolean;
  readonly fail: (generationId: string, reason: string) => void;
  /** A platform line for the app's log, `web.1` or `scheduler` as process. */
  readonly say: (appId: AppId, process: string, text: string) => void;
  /** A container has just been started: its output wants to be followed. */
  readonly started: (container: Pick<ObservedContainer, "id" | "appId" | "type" | "index">) => void;
  /** Its output is about to be lost: resolves when all of it is kept. */
  readonly beforeRemove: (containerId: string) => Promise<void>;
  /** Undefined: the engine answers again. */
  readonly engineProblem: (problem: string | undefined) => void;
  readonly fault: Fault;
  readonly drainMs: number;
  readonly graceMs: number;
}
