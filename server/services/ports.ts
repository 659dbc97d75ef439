import type { Output } from "../core/output.ts";
import type { App, Actor, ServiceInstance } from "../core/types.ts";
import type { AppName } from "../core/ids.ts";

/** What names the container and the volume of a service. */
export type ServiceRef = Pick<ServiceInstance, "id" | "name" | "space">;

export interface ImageRecipe {
  /** `postgres`: part of the image's name. */
  readonly name: string;
  /** Folder with a Dockerfile that starts `FROM ${BASE}` and finds the folder's files in `files/`. */
  readonly dir: string;
  readonly base: Stack;
}

export interface Stack {
  readonly runImage: string;
  /** Changes with the content of the image. */
  readonly id: string;
}

export interface ContainerSpec {
  readonly service: ServiceRef;
  readonly image: string;
  readonly network: string;
  /** Name in that network. */
  readonly host: string;
  readonly memoryMb: number;
  /** Passed to the image's entry point. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Writable folders that are gone after a restart, with their mount options. */
  readonly tmpfs: Readonly<Record<string, string>>;
}

export interface ContainerState {
  readonly running: boolean;
  /** How often the engine has restarted it since it was made. */
  readonly restarts: number;
  /** Names and ids. */
  readonly networks: readonly string[];
}

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly stdin: string;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The engine as services need it. The data volume is at `/data`. */
export interface ServiceRuntime {
  /** The recipe's image, built when there is none of the same content. */
  ensureImage(recipe: ImageRecipe, out: Output, signal: AbortSignal): Promise<string>;
  hasVolume(service: ServiceRef, signal: AbortSignal): Promise<boolean>;
  createVolume(service: ServiceRef, signal: AbortSignal): Promise<void>;
  removeVolume(service: ServiceRef, signal: AbortSignal): Promise<void>;
  /** Undefined when there is no container. */
  inspect(service: ServiceRef, signal: AbortSignal): Promise<ContainerState | undefined>;
  create(spec: ContainerSpec, signal: AbortSignal): Promise<void>;
  start(service: ServiceRef, signal: AbortSignal): Promise<void>;
  /** Stops it in order within the grace, then by force; removes it. The volume stays. Gone already is fine. */
  remove(service: ServiceRef, graceMs: number, signal: AbortSignal): Promise<void>;
  /** Runs a command in the container as the image's user. */
  exec(service: ServiceRef, request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
  /** Last lines of output, oldest first. */
  tail(service: ServiceRef, lines: number, signal: AbortSignal): Promise<readonly string[]>;
}

/**
 * Makes a release of the app with its present environment and rolls it out; does nothing without a release.
 * Throws only when the new release did not become current: the binding is then undone.
 */
export type Redeploy = (actor: Actor, app: App, description: string, out: Output, signal: AbortSignal) => Promise<void>;

export interface AppDirectory {
  /** @throws AppError APP_NOT_FOUND */
  get(name: AppName): App;
}
