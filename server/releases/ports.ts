import type { Output } from "../core/output.ts";
import type { App, ConfigVars, DropletContent, Manifest } from "../core/types.ts";

export interface BuildInput {
  readonly app: App;
  readonly buildId: string;
  /** The commit's files, submodules included, without `.git`. The builder only reads it. */
  readonly sourceDir: string;
  readonly commit: string;
  /** Where `sourceDir` is within its repository, `apps/web`; "" or undefined: it is all of it. */
  readonly root?: string | undefined;
  /** All of the repository, when `sourceDir` is a folder of it. */
  readonly repositoryDir?: string | undefined;
  /** The source is this image of the engine's; nothing is built. */
  readonly imageId?: string | undefined;
  /** Its reference, for people. */
  readonly imageName?: string | undefined;
  /** Names or URLs from app.json, in order. */
  readonly buildpacks?: readonly string[] | undefined;
  /** Config vars, for build steps of buildpacks. Never baked into the image. */
  readonly config: ConfigVars;
  /** Told true while the build waits for others, false when it goes on. */
  readonly onWaiting?: (isWaiting: boolean) => void;
  /** What bindings give, VCAP_SERVICES among it; for buildpacks that ask for it. */
  readonly services?: ConfigVars;
  /** How those behind it are told of it: `push 4f394e9a`. */
  readonly title?: string | undefined;
  /** A droplet of the app that was made from the very same, if there is one. */
  readonly reuse?: (fingerprint: string) => Promise<KnownDroplet | undefined>;
}

export interface KnownDroplet {
  readonly content: DropletContent;
  /** `v3`, `build 7` */
  readonly name: string;
}

/** How long a part took. */
export interface Timing {
  readonly step: string;
  readonly ms: number;
}

/** A build that fails is an outcome, not an exception; the output has already been shown. */
export type BuildResult =
  | { readonly ok: true; readonly droplet: DropletContent; readonly timings?: readonly Timing[] }
  | { readonly ok: false; readonly reason: string; readonly hint: string; readonly timings?: readonly Timing[] };

export interface Builder {
  build(input: BuildInput, out: Output, signal: AbortSignal): Promise<BuildResult>;
}

/** What the files of a source say before anything is built. */
export interface SourceFacts {
  readonly root: string;
  readonly buildpacks: readonly string[];
  /** For the build alone; config vars win. */
  readonly buildEnv: ConfigVars;
  /** Undefined without an app.json. */
  readonly manifest: Manifest | undefined;
}

/**
 * Brings a checkout in order (what must not be shipped is removed) and reads its app.json. Of an image there is nothing but
 * what it says of itself, and no folder to look for. @throws AppError
 */
export type ReadSource = (app: App, dir: string, isImage: boolean, out: Output) => Promise<SourceFacts>;

/** Runs a command in a droplet and keeps what it writes in a new image. */
export interface ScriptRunner {
  runKept(
    script: ScriptSpec,
    onOutput: (chunk: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly imageId: string | undefined }>;
}

export interface ScriptSpec {
  readonly app: App;
  readonly buildId: string;
  readonly imageId: string;
  readonly argv: readonly string[];
  readonly env: ConfigVars;
  readonly memoryMb: number;
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
