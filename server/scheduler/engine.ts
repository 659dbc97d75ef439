import type { AppId, ProcessType } from "../core/ids.ts";
import type { ConfigVars } from "../core/types.ts";

/** What is needed to start one instance. */
export interface InstanceSpec {
  readonly appId: AppId;
  readonly appName: string;
  readonly space: string;
  readonly cohort: string;
  readonly version: number;
  readonly type: ProcessType;
  readonly index: number;
  /** How often in a row this slot has crashed before. */
  readonly crashes: number;
  readonly imageId: string;
  /** argv; undefined runs the image's own ENTRYPOINT and CMD. */
  readonly command: readonly string[] | undefined;
  readonly env: ConfigVars;
  readonly port: number | undefined;
  readonly memoryMb: number;
  readonly cpus: number;
}

export interface ExitInfo {
  readonly code: number;
  readonly oomKilled: boolean;
}

/** A container of ours as the engine knows it: the observed truth. */
export interface ObservedContainer {
  readonly id: string;
  readonly appId: AppId;
  readonly cohort: string;
  readonly version: number;
  readonly type: ProcessType;
  readonly index: number;
  readonly crashes: number;
  readonly state: "created" | "running" | "exited";
  /** ms since the epoch */
  readonly createdAt: number;
  /** Undefined before the start. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly exit: ExitInfo | undefined;
  /** Address in the space's network while it runs. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** The engine as the scheduler needs it. Every call ends with the signal or the adapter's own deadline. */
export interface Engine {
  list(appId: AppId, signal: AbortSignal): Promise<readonly ObservedContainer[]>;
  /** Creates and starts; answers the container id. */
  start(spec: InstanceSpec, signal: AbortSignal): Promise<string>;
  /** SIGTERM, then SIGKILL after the grace; resolves when it has ended. Gone already is fine. */
  stop(id: string, graceMs: number, signal: AbortSignal): Promise<void>;
  /** SIGKILL; leaves the container, so that its exit can be read. */
  kill(id: string, signal: AbortSignal): Promise<void>;
  /** Removes what has ended or never started. Gone already is fine. */
  remove(id: string, signal: AbortSignal): Promise<void>;
  /** Last lines of output, oldest first. */
  tail(id: string, lines: number, signal: AbortSignal): Promise<readonly string[]>;
  /** Runs argv in a running instance, as the app would. @throws when it has not ended in time */
  exec(
    id: string,
    argv: readonly string[],
    timeoutMs: number,
  ): Promise<{ readonly code: number; readonly lastLine: string }>;
  /** TCP sockets that the instance listens on, `0.0.0.0:3000`; empty when it cannot be known. */
  listening(id: string, signal: AbortSignal): Promise<readonly string[]>;
}
