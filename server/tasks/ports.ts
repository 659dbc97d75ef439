import type { TaskStreams } from "../api/platform.ts";
import type { AppId, AppName, ProcessType, SpaceName } from "../core/ids.ts";
import type { App, ConfigVars, LogLine, ProcessCommand } from "../core/types.ts";

/** What a one-off of an app's current release is made of. */
export interface ReleaseEnvironment {
  readonly version: number;
  readonly imageId: string;
  readonly launcher: readonly string[];
  readonly processes: readonly ProcessCommand[];
  /** All but DYNO. */
  readonly env: ConfigVars;
  readonly memoryMb: number;
  readonly cpus: number;
}

/** An interactive one belongs to its client, a detached one to the platform, one of a release to its deploy. */
export type TaskMode = "interactive" | "detached" | "release";

export interface TaskContainerSpec {
  readonly taskId: string;
  /** `run.3`, `release.7` */
  readonly name: string;
  readonly mode: TaskMode;
  readonly appId: AppId;
  readonly appName: AppName;
  readonly space: SpaceName;
  readonly version: number;
  readonly imageId: string;
  /** Undefined runs the image's own ENTRYPOINT and CMD. */
  readonly argv: readonly string[] | undefined;
  readonly env: ConfigVars;
  readonly memoryMb: number;
  readonly cpus: number;
  readonly hasStdin: boolean;
  readonly tty: TaskStreams["tty"];
}

export interface TaskExit {
  readonly code: number;
  readonly oomKilled: boolean;
}

/** Streams of a container or of a command in one. Disposing lets go of them. */
export interface Attachment extends Disposable {
  /** Resolves when all output has been handed over. */
  readonly ended: Promise<void>;
}

export interface FoundTask {
  readonly containerId: string;
  readonly taskId: string;
  readonly appId: AppId;
  readonly name: string;
  readonly mode: TaskMode;
}

/** The engine as tasks need it. */
export interface TaskEngine {
  /** Answers the container id. @throws AppError DROPLET_GONE */
  create(spec: TaskContainerSpec, signal: AbortSignal): Promise<string>;
  /** Before the start, so that no output is missed. */
  attach(containerId: string, streams: TaskStreams, signal: AbortSignal): Promise<Attachment>;
  /** @throws AppError TASK_NOT_STARTED */
  start(containerId: string, name: string, signal: AbortSignal): Promise<void>;
  resize(containerId: string, columns: number, rows: number): Promise<void>;
  /** Resolves when it has ended; undefined when it is gone. Rejects with the signal. */
  wait(containerId: string, signal: AbortSignal): Promise<TaskExit | undefined>;
  /** SIGKILL; leaves the container and its output. Ended or gone already is fine. */
  kill(containerId: string): Promise<void>;
  /** Ends it when it runs. Gone already is fine. */
  remove(containerId: string): Promise<void>;
  /** All tasks of this home. */
  list(signal: AbortSignal): Promise<readonly FoundTask[]>;
}

export interface ExecEngine {
  /** Container of a running instance. */
  findInstance(appId: AppId, type: ProcessType, index: number, signal: AbortSignal): Promise<string | undefined>;
  /** Runs argv in it to its end; the process is ended when the signal aborts. Answers its exit code. */
  exec(containerId: string, argv: readonly string[], streams: TaskStreams, signal: AbortSignal): Promise<number>;
}

/** Where the output of tasks goes that nobody watches. */
export interface TaskLog {
  append(appId: AppId, line: LogLine): void;
  watch(container: { readonly id: string; readonly appId: AppId; readonly process: string }): void;
  finish(containerId: string): Promise<void>;
}

export interface TaskApps {
  /** @throws AppError APP_NOT_FOUND */
  get(name: AppName): App;
  /** @throws AppError APP_NOT_DEPLOYED */
  releaseEnvironment(app: App): Promise<ReleaseEnvironment>;
}
