import type { Fault } from "../core/fault.ts";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import type { Clock } from "../core/time.ts";
import type { App, ConfigVars } from "../core/types.ts";
import type { ConvergeOptions, RolloutOutcome } from "../scheduler/scheduler.ts";
import type { Failure } from "../scheduler/ports.ts";
import type { AppStore } from "../store/apps.ts";
import type { ReleaseStore } from "../store/releases.ts";
import type { AppSettingsStore } from "../store/app-settings.ts";
import type { Builder, ReadSource, ScriptRunner, TaskRunner } from "./ports.ts";
import type { AppQueue } from "./queue.ts";

/** The scheduler as releases need it. */
export interface Rollouts {
  trigger(appId: AppId): void;
  rollout(generationId: string, progress: (text: string) => void): Promise<RolloutOutcome>;
  abandon(appId: AppId, generationId: string, failure: Failure): void;
  converge(appId: AppId, signal: AbortSignal, options?: ConvergeOptions): Promise<RolloutOutcome>;
}

/** What every change of an app works with. */
export interface ReleaseDeps {
  readonly apps: AppStore;
  readonly releases: ReleaseStore;
  readonly queue: AppQueue;
  readonly scheduler: Rollouts;
  readonly settings: AppSettingsStore;
  readonly readSource: ReadSource;
  readonly builder: Builder;
  readonly scripts: ScriptRunner;
  readonly tasks: TaskRunner;
  /** Environment from the app's service bindings as they are now. */
  readonly bindingEnv: (appId: AppId) => ConfigVars;
  readonly urlsOf: (appId: AppId) => readonly string[];
  /** The commit that the deploy branch of the app's repository points to shall be this one. */
  readonly setDeployedRef: (app: App, commit: string) => Promise<void>;
  /** Output of a build: shown to the pusher, kept with the build, and in the app's log. */
  readonly buildOutput: (
    app: App,
    build: { readonly id: string; readonly number: number },
    pusher: Output,
  ) => BuildOutput;
  /** The same output with the values of these variables made unreadable. `flush` hands over what is held back. */
  readonly masked: (out: Output, vars: ConfigVars) => Output & { flush(): void };
  readonly say: (appId: AppId, process: string, text: string) => void;
  readonly imageExists: (imageId: string) => Promise<boolean>;
  readonly workDir: string;
  readonly now: Clock;
  readonly log: Log;
  readonly fault: Fault;
}

export interface BuildOutput extends AsyncDisposable {
  readonly out: Output;
}
