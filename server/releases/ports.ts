import type { Output } from "../core/output.ts";
import type { App, ConfigVars, DropletContent } from "../core/types.ts";

export interface BuildInput {
  readonly app: App;
  readonly buildId: string;
  /** The commit's files, submodules included, without `.git`. The builder only reads it. */
  readonly sourceDir: string;
  readonly commit: string;
  /** Config vars, for build steps of buildpacks. Never baked into the image. */
  readonly config: ConfigVars;
  /** Told true while the build waits for others, false when it goes on. */
  readonly onWaiting?: (isWaiting: boolean) => void;
}

/** A build that fails is an outcome, not an exception; the output has already been shown. */
export type BuildResult =
  | { readonly ok: true; readonly droplet: DropletContent }
  | { readonly ok: false; readonly reason: string; readonly hint: string };

export interface Builder {
  build(input: BuildInput, out: Output, signal: AbortSignal): Promise<BuildResult>;
}

/** Runs one command of a release to its end, e.g. the release phase. Output goes to `out` as it comes. */
export interface TaskRunner {
  runToEnd(
    task: TaskSpec,
    out: Output,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly oomKilled: boolean }>;
}

export interface TaskSpec {
  readonly app: App;
  readonly version: number;
  /** `release.4711`, the value of DYNO and the name in the log */
  readonly name: string;
  readonly imageId: string;
  readonly command: readonly string[] | undefined;
  readonly env: ConfigVars;
  readonly memoryMb: number;
}
