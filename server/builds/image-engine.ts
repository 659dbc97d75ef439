import type { Readable } from "node:stream";
import type { AppId } from "../core/ids.ts";
import type { ConfigVars } from "../core/types.ts";
import type { BuildLimits } from "./limits.ts";

/** For whom a container or image is made: becomes its labels. */
export interface BuildOwner {
  readonly appId: AppId;
  readonly buildId: string;
}

export interface ContainerSpec {
  readonly owner: BuildOwner;
  /** Image id or ref. */
  readonly image: string;
  /** Undefined: it is never started, only filled and committed. */
  readonly run: RunSpec | undefined;
}

export interface RunSpec {
  readonly limits: BuildLimits;
  /** Keep the app's cache volume at /cache. */
  readonly withCache: boolean;
}

export interface ExecSpec {
  readonly argv: readonly string[];
  readonly user: "root" | "app";
  /** /app unless told. */
  readonly cwd?: string | undefined;
  readonly env: ConfigVars;
}

export type ExecOutput = (chunk: Uint8Array, from: "stdout" | "stderr") => void;

export type CommitSpec =
  | { readonly kind: "layer"; readonly ref: string; readonly key: string }
  | { readonly kind: "system"; readonly ref: string; readonly from: string; readonly packages: readonly string[] }
  | { readonly kind: "droplet"; readonly ref: string; readonly owner: BuildOwner; readonly config: ImageConfig };

export interface ImageConfig {
  readonly env: ConfigVars;
  readonly command: readonly string[];
}

/** The command of an image's HEALTHCHECK. */
export interface ImageHealth {
  readonly argv: readonly string[];
  readonly timeoutMs: number;
}

export interface ImageFacts {
  readonly health: ImageHealth | undefined;
  readonly id: string;
  readonly hasCommand: boolean;
  /** TCP ports of EXPOSE, ascending. */
  readonly tcpPorts: readonly number[];
}

export interface OwnImage {
  readonly id: string;
  readonly parentId: string | undefined;
  /** `system` is a stack image with packages on top. */
  readonly kind: "layer" | "system" | "droplet";
  readonly refs: readonly string[];
  readonly appId: string | undefined;
  readonly createdAt: number;
  readonly sizeBytes: number;
}

export interface DockerfileSpec {
  readonly owner: BuildOwner;
  readonly ref: string;
  readonly limits: BuildLimits;
  /** Of the Dockerfile in the context. */
  readonly path: string;
  readonly target: string | undefined;
  readonly args: ConfigVars;
  /** The classic builder would not understand it. */
  readonly needsBuildkit: boolean;
  /** Every step is run, whatever the engine has kept of earlier builds. */
  readonly isFresh: boolean;
  /** Cache mounts are shared by builds of the same name alone. */
  readonly mountScope: string;
  /** Handed to the steps that mount them, by name. */
  readonly secrets: ConfigVars;
}

/** What BuildKit says of its steps since it last did. */
export interface BuildTrace {
  readonly steps: readonly TraceStep[];
  readonly logs: readonly TraceLog[];
  readonly warnings: readonly string[];
}

export interface TraceStep {
  readonly digest: string;
  /** `[2/4] RUN npm ci` */
  readonly name: string;
  readonly isCached: boolean;
  readonly startedAt: number | undefined;
  readonly completedAt: number | undefined;
  readonly error: string | undefined;
}

export interface TraceLog {
  /** Of its step. */
  readonly digest: string;
  readonly at: number | undefined;
  readonly bytes: Buffer;
}

/** Of the file system that the engine keeps images, containers and volumes on. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Of a running container. */
export interface Usage {
  /** Processes and threads. */
  readonly pids: number;
  /** How often the kernel refused to start one more. */
  readonly refusedPids: number;
  /** How many processes the kernel ended for memory. */
  readonly memoryKills: number;
}

/** A step of a Dockerfile that the engine keeps for the next build, whoever asked for it. */
export interface BuildStep {
  readonly id: string;
  readonly parentIds: readonly string[];
  /** What it did, in the engine's words. */
  readonly description: string;
  /** What would be free without it. */
  readonly bytes: number;
  /** A build uses it, or an image has the same layer: nothing would be won. */
  readonly isHeld: boolean;
  readonly createdAt: number;
  readonly usedAt: number;
}

/** An image of the engine, whoever made it. */
export interface ListedImage {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly refs: readonly string[];
  /** Of our label; undefined for an image of other people. */
  readonly kind: string | undefined;
  readonly createdAt: number;
  /** With all that it stands on. */
  readonly sizeBytes: number;
}

/** One record of the engine's build stream. */
export interface DockerfileRecord {
  /** Of BuildKit alone; the classic builder has `stream`. */
  readonly trace?: BuildTrace;
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number };
  /** Of ours: the kernel has counted that the limit of memory was met. */
  readonly ranOutOfMemory?: boolean;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
  readonly aux?: { readonly ID?: string };
}

/**
 * The container engine as builds need it. Creating, committing and removing are never left half done: they do not
 * listen to a signal, so that the caller always knows what there is to remove.
 */
export interface ImageEngine {
  /** Refs of all layer images. */
  layerRefs(signal: AbortSignal): Promise<ReadonlySet<string>>;
  hasImage(ref: string, signal: AbortSignal): Promise<boolean>;
  create(spec: ContainerSpec): Promise<string>;
  start(id: string, signal: AbortSignal): Promise<void>;
  /** Unpacks a tar at `/`; owners and modes as in the tar. */
  put(id: string, tar: Readable, signal: AbortSignal): Promise<void>;
  /** Makes folders with mode 755, parents first; existing ones get the owner too. */
  makeFolders(id: string, folders: readonly string[], owner: "root" | "app", signal: AbortSignal): Promise<void>;
  /** Copies a path from one container to the same place in another; false when there is none. */
  copy(path: string, from: string, to: string, signal: AbortSignal): Promise<boolean>;
  /** Runs in a started container; answers the exit code. */
  exec(id: string, spec: ExecSpec, onOutput: ExecOutput, signal: AbortSignal): Promise<number>;
  /** Space on the engine's disk; undefined when it cannot be seen from here. */
  disk(): Promise<DiskSpace | undefined>;
  /** Undefined when it does not run, or the kernel's counters cannot be seen from here. */
  usage(id: string): Promise<Usage | undefined>;
  /** What a container has written beside its image and volumes; undefined when it is gone. */
  writtenBytes(id: string): Promise<number | undefined>;
  /** What an app's cache takes; undefined when there is none or it cannot be seen from here. */
  cacheBytes(appId: AppId): Promise<number | undefined>;
  /** Gives an image that we did not make a name and labels of ours; answers the new image id. */
  adopt(imageId: string, owner: BuildOwner, ref: string): Promise<string>;
  /** Answers the image id. */
  commit(id: string, spec: CommitSpec): Promise<string>;
  /** Kills and removes. Gone already is fine. */
  removeContainer(id: string): Promise<void>;
  /** @throws AppError DOCKERFILE_INVALID when the engine cannot read it */
  buildDockerfile(
    context: Readable,
    spec: DockerfileSpec,
    onRecord: (record: DockerfileRecord) => void,
    signal: AbortSignal,
  ): Promise<void>;
  imageFacts(ref: string): Promise<ImageFacts>;
  /** Build containers of this installation, by the build that made them. */
  buildContainers(): Promise<readonly { readonly id: string; readonly buildId: string }[]>;
  /** Layers and system images (shared by all installations of the machine), and droplets of this one. */
  ownImages(): Promise<readonly OwnImage[]>;
  /** All of the engine's, those without a name too. */
  listImages(): Promise<readonly ListedImage[]>;
  /** Ids of images that a container stands on, whatever its state. */
  usedImages(): Promise<ReadonlySet<string>>;
  /** Apps that have a cache. */
  caches(): Promise<readonly AppId[]>;
  /** False when something still uses it. */
  removeCacheVolume(appId: AppId): Promise<boolean>;
  /** All that BuildKit keeps. Takes seconds on an older engine. */
  buildSteps(): Promise<readonly BuildStep[]>;
  /** False when something stands on it or uses it. */
  removeBuildStep(id: string): Promise<boolean>;
  /** Gone already is fine; one in use is left and answers false. */
  removeImage(ref: string): Promise<boolean>;
  /**
   * Keeps these images, which a Dockerfile's earlier stages or steps left without a name, under names of the app's for
   * its next build, and removes those that were kept before and are not among them.
   */
  keepCached(appId: AppId, images: readonly string[]): Promise<void>;
  /** Removes an app's cache volume and what is kept of its Dockerfile builds. */
  removeCache(appId: AppId): Promise<void>;
}
