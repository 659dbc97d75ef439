import type { AppId } from "../core/ids.ts";
import type { LogFrame } from "./assemble.ts";

/** A container whose output belongs in an app's log. */
export interface LoggedContainer {
  readonly id: string;
  readonly appId: AppId;
  /** `web.1`, `run.3` */
  readonly process: string;
}

/** The engine as the collector needs it. */
export interface LogEngine {
  /** Instances and tasks of this home, ended ones too. */
  list(signal: AbortSignal): Promise<readonly LoggedContainer[]>;
  /** Undefined when it is gone, or none of ours. */
  find(containerId: string, signal: AbortSignal): Promise<LoggedContainer | undefined>;
  state(containerId: string, signal: AbortSignal): Promise<"created" | "running" | "ended" | "gone">;
  /** What it wrote since an instant (nanoseconds since the epoch, inclusive), then what it writes until it ends. Its reader sets the pace. */
  follow(containerId: string, sinceNs: string | undefined, signal: AbortSignal): AsyncIterable<readonly LogFrame[]>;
  /** Containers as they start. Ends when the engine goes away. */
  starts(signal: AbortSignal): AsyncIterable<LoggedContainer>;
}
