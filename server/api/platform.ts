import type { DockerfileSettings } from "../builds/dockerfile-settings.ts";
import type { BuildLimits } from "../builds/limits.ts";
import type { BuildSettings, BuildSettingsChange } from "../builds/settings.ts";
import type { KeptFile } from "../builds/source/keep-file.ts";
import type { DiskReport } from "./disk-report.ts";
import type { AppName, ProcessType, ServiceName } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type {
  Actor,
  App,
  Build,
  Checks,
  ConfigVars,
  FormationEntry,
  InstanceStatus,
  LogLine,
  LogSource,
  Release,
  Route,
  ServiceInstance,
  Strategy,
} from "../core/types.ts";
import type { RouterPort } from "./router.ts";
import type { TcpRoutesPort } from "./tcp-routes.ts";
import type { RoutePoliciesPort } from "./route-policies.ts";

/** Everything that the API offers, as the daemon supplies it. Long work reports to `out` and ends with the signal. */
export interface Platform {
  readonly apps: AppsPort;
  readonly processes: ProcessesPort;
  readonly releases: ReleasesPort;
  readonly builds: BuildsPort;
  readonly buildpacks: BuildpacksPort;
  readonly sources: SourcesPort;
  readonly routes: RoutesPort;
  readonly routePolicies: RoutePoliciesPort;
  readonly tcpRoutes: TcpRoutesPort;
  readonly certs: CertsPort;
  readonly services: ServicesPort;
  readonly logs: LogsPort;
  readonly tasks: TasksPort;
  readonly disk: DiskPort;
  readonly system: SystemPort;
  readonly router: RouterPort;
}

export interface AppInfo {
  readonly app: App;
  readonly version: number | undefined;
  readonly urls: readonly string[];
  readonly gitSsh: string;
  readonly gitHttp: string;
}

export interface AppsPort {
  list(): readonly AppInfo[];
  /** @throws AppError APP_NOT_FOUND */
  get(name: AppName): AppInfo;
  create(actor: Actor, name: AppName): AppInfo;
  rename(actor: Actor, name: AppName, to: AppName): Promise<AppInfo>;
  /** Stops and removes everything of the app but its services. */
  destroy(actor: Actor, name: AppName, confirm: string, out: Output, signal: AbortSignal): Promise<void>;
}

export interface ProcessesPort {
  list(name: AppName): Promise<{
    readonly instances: readonly InstanceStatus[];
    readonly formation: readonly FormationEntry[];
    readonly stopped: boolean;
  }>;
  formation(name: AppName): readonly FormationEntry[];
  scale(
    actor: Actor,
    name: AppName,
    counts: Readonly<Record<string, number>>,
    out: Output,
    signal: AbortSignal,
  ): Promise<void>;
  limits(
    actor: Actor,
    name: AppName,
    type: ProcessType,
    limits: { memoryMb?: number; cpus?: number },
    out: Output,
    signal: AbortSignal,
  ): Promise<void>;
  restart(actor: Actor, name: AppName, type: ProcessType | undefined, out: Output, signal: AbortSignal): Promise<void>;
  stop(actor: Actor, name: AppName, out: Output, signal: AbortSignal): Promise<void>;
  start(actor: Actor, name: AppName, out: Output, signal: AbortSignal): Promise<void>;
}

export interface ReleasesPort {
  list(name: AppName): readonly (Release & { readonly current: boolean })[];
  get(name: AppName, version: number): Release & { readonly current: boolean };
  config(name: AppName): ConfigVars;
  /** One change, one release. A value of undefined unsets. Answers the new version, undefined when the app has no droplet yet. */
  setConfig(
    actor: Actor,
    name: AppName,
    change: Readonly<Record<string, string | undefined>>,
    out: Output,
    signal: AbortSignal,
  ): Promise<number | undefined>;
  /** To the version, or to the last successful one before the current. Answers the new version. */
  rollback(actor: Actor, name: AppName, version: number | undefined, out: Output, signal: AbortSignal): Promise<number>;
  checks(name: AppName): Readonly<Record<string, Checks>>;
  setChecks(
    actor: Actor,
    name: AppName,
    type: ProcessType,
    change: Partial<Checks>,
    out: Output,
    signal: AbortSignal,
  ): Promise<void>;
  strategy(name: AppName): Strategy;
  /** From the next deploy on. */
  setStrategy(actor: Actor, name: AppName, strategy: Strategy): void;
}

export interface BuildsPort {
  list(name: AppName): readonly Build[];
  output(name: AppName, number: number): Promise<string>;
  /** What one build of the app may take of the machine. */
  limits(name: AppName): Promise<BuildLimitsView>;
  /** From the next build on. Without a change the app has the defaults again. */
  setLimits(actor: Actor, name: AppName, change: Partial<BuildLimits> | undefined): Promise<BuildLimitsView>;
  /** Which Dockerfile is built, and with what. */
  dockerfile(name: AppName): DockerfileSettings;
  /** From the next build on; what the change does not name stays. Without a change nothing is set any more. */
  setDockerfile(actor: Actor, name: AppName, change: DockerfileSettings | undefined): DockerfileSettings;
  /** Removes what builds keep for the next one: that starts from nothing of the app's. @throws AppError BUILD_CACHE_IN_USE */
  purgeCache(actor: Actor, name: AppName): Promise<{ readonly freedBytes: number }>;
  /** Ends the deploy of the app that runs, or the one with this number, also while it waits; false when there is none. */
  cancel(actor: Actor, name: AppName, number?: number): boolean;
}

/** Deploys of what is not pushed, and what is settled about the files of a source. */
export interface SourcesPort {
  settings(name: AppName): BuildSettings;
  set(actor: Actor, name: AppName, change: BuildSettingsChange): BuildSettings;
  /** Keeps an archive until it is disposed. @throws AppError ARCHIVE_TOO_LARGE */
  receive(name: AppName, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<KeptFile>;
  /** Answers the new version. @throws AppError DEPLOY_FAILED, after the report */
  deploy(actor: Actor, name: AppName, source: SourceRequest, out: Output, signal: AbortSignal): Promise<number>;
}

export type SourceRequest =
  | { readonly kind: "image"; readonly ref: string }
  | { readonly kind: "archive"; readonly url: string }
  | { readonly kind: "upload"; readonly name: string; readonly upload: KeptFile }
  | { readonly kind: "git"; readonly url: string; readonly ref?: string | undefined };

export interface BuildLimitsView {
  readonly limits: BuildLimits;
  /** Which of them are the app's own; the others are the machine's defaults. */
  readonly own: readonly (keyof BuildLimits)[];
}

export interface BuildpacksView {
  /** In the order in which they run; `pin` is the commit or digest that it is taken at. */
  readonly buildpacks: readonly {
    readonly index: number;
    readonly buildpack: string;
    readonly pin: string | undefined;
  }[];
  /** Everything that is pinned, also of what the repository itself names. */
  readonly pins: Readonly<Record<string, string>>;
}

/** The list of buildpacks that an app was given. A change counts from the next build on. */
export interface BuildpacksPort {
  show(name: AppName): BuildpacksView;
  /** At the end, unless an index is given. @throws AppError BUILDPACK_… */
  add(actor: Actor, name: AppName, buildpack: string, index: number | undefined): BuildpacksView;
  /** In the place of the first, unless an index is given. @throws AppError BUILDPACK_… */
  set(actor: Actor, name: AppName, buildpack: string, index: number | undefined): BuildpacksView;
  /** @throws AppError BUILDPACK_NOT_LISTED */
  remove(
    actor: Actor,
    name: AppName,
    entry: { readonly buildpack?: string | undefined; readonly index?: number | undefined },
  ): BuildpacksView;
  clear(actor: Actor, name: AppName): BuildpacksView;
  /** The next build takes what they are then. Answers which were pinned. @throws AppError BUILDPACK_NOT_PINNED */
  update(actor: Actor, name: AppName, buildpack: string | undefined): { readonly updated: readonly string[] };
}

export interface RouteView extends Route {
  readonly appName: AppName | undefined;
  readonly url: string;
}

export interface RoutesPort {
  list(): readonly RouteView[];
  /** @throws AppError ROUTE_TAKEN when another app holds host and path */
  map(actor: Actor, name: AppName, route: RouteRequest): Promise<RouteView>;
  unmap(actor: Actor, name: AppName, route: RouteRequest): Promise<void>;
  create(actor: Actor, route: RouteRequest): RouteView;
  delete(actor: Actor, route: RouteRequest): Promise<void>;
}

/** As typed: `domain example.test, hostname api, path /v2` is host `api.example.test`. */
export interface RouteRequest {
  readonly domain: string;
  readonly hostname?: string | undefined;
  readonly path?: string | undefined;
  readonly type?: string | undefined;
  readonly port?: number | undefined;
  /** Its part of the requests, where apps share the route. */
  readonly weight?: number | undefined;
  /** A name nobody has thought of, in front of the domain. */
  readonly random?: boolean | undefined;
}

export interface CertView {
  readonly names: readonly string[];
  /** `own` was brought with `certs:add`, `acme` comes from the CA. */
  readonly source: "own" | "acme";
  readonly state: "valid" | "renewing" | "expired" | "not yet" | "waiting" | "ordering" | "failed";
  readonly issuer: string | undefined;
  readonly notBefore: number | undefined;
  readonly expiresAt: number | undefined;
  readonly renewsAt: number | undefined;
  /** Why there is none, or no newer one: the CA's own words where it said any. */
  readonly problem: string | undefined;
  readonly retryAt: number | undefined;
}

export interface CertsPort {
  list(): readonly CertView[];
  /** `isComplete` is false when clients would miss an intermediate certificate. @throws AppError CERT_… */
  add(
    actor: Actor,
    own: { readonly names: readonly string[]; readonly chain: string; readonly key: string },
  ): Promise<CertView & { readonly isComplete: boolean }>;
  /** Answers what was removed. @throws AppError CERT_NOT_FOUND */
  remove(actor: Actor, name: string): Promise<readonly CertView[]>;
  /** Of an app: all its hosts, those to come too. @throws AppError CERT_AUTO_UNKNOWN, CERT_AUTO_IMPOSSIBLE */
  auto(
    actor: Actor,
    name: string,
    isOn: boolean,
  ): { readonly hosts: readonly string[]; readonly app: AppName | undefined };
}

export interface Offering {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly plans: readonly { readonly name: string; readonly description: string; readonly memoryMb: number }[];
}

export interface ServiceView extends ServiceInstance {
  readonly bindings: readonly { readonly app: AppName; readonly envName: string | undefined }[];
}

export interface ServicesPort {
  marketplace(): readonly Offering[];
  list(): readonly ServiceView[];
  get(name: ServiceName): ServiceView;
  create(
    actor: Actor,
    offering: string,
    plan: string,
    name: ServiceName,
    out: Output,
    signal: AbortSignal,
  ): Promise<ServiceView>;
  createUserProvided(actor: Actor, name: ServiceName, credentials: Readonly<Record<string, unknown>>): ServiceView;
  /** Binds and, when the app is deployed, makes a release with the new environment. */
  bind(actor: Actor, app: AppName, name: ServiceName, out: Output, signal: AbortSignal): Promise<void>;
  unbind(actor: Actor, app: AppName, name: ServiceName, out: Output, signal: AbortSignal): Promise<void>;
  /** @throws AppError SERVICE_BOUND while an app is bound; SERVICE_CONFIRM_MISMATCH when it holds data and confirm is not its name */
  delete(actor: Actor, name: ServiceName, confirm: string | undefined, out: Output, signal: AbortSignal): Promise<void>;
}

export interface LogFilter {
  /** Lines from the past, 100 unless told. */
  readonly lines: number;
  /** `web` or `web.1` */
  readonly process?: string | undefined;
  readonly source?: LogSource | undefined;
}

export interface LogsPort {
  recent(name: AppName, filter: LogFilter): Promise<readonly LogLine[]>;
  /** The recent lines, then new ones until the signal. */
  tail(name: AppName, filter: LogFilter, signal: AbortSignal): AsyncIterable<LogLine>;
}

export interface TaskStreams {
  readonly stdin: NodeJS.ReadableStream | undefined;
  readonly stdout: (chunk: Uint8Array) => void;
  readonly stderr: (chunk: Uint8Array) => void;
  readonly tty: { readonly columns: number; readonly rows: number } | undefined;
  /** Called by the port once with a function that resizes the terminal. */
  readonly onResize?: (resize: (columns: number, rows: number) => void) => void;
}

export interface TaskView {
  readonly number: number;
  readonly version: number;
  readonly command: readonly string[];
  readonly status: "running" | "succeeded" | "failed";
  readonly exitCode: number | undefined;
  readonly actor: string;
  readonly createdAt: number;
  readonly finishedAt: number | undefined;
}

export interface TasksPort {
  /** Runs a one-off of the current release; answers its exit code. One word that is a process type runs that type's command. */
  run(
    actor: Actor,
    name: AppName,
    command: readonly string[],
    streams: TaskStreams,
    signal: AbortSignal,
  ): Promise<number>;
  runDetached(actor: Actor, name: AppName, command: readonly string[]): Promise<TaskView>;
  list(name: AppName): readonly TaskView[];
  /** A command inside a running instance, `web.1`. */
  exec(
    actor: Actor,
    name: AppName,
    instance: string,
    command: readonly string[],
    streams: TaskStreams,
    signal: AbortSignal,
  ): Promise<number>;
}

export interface SystemInfo {
  readonly version: string;
  readonly home: string;
  readonly domain: string;
  readonly httpPort: number;
  /** Undefined: no TLS. */
  readonly httpsPort: number | undefined;
  readonly sshPort: number;
  readonly apiPort: number;
  readonly pid: number;
  readonly routerPid: number;
  readonly startedAt: number;
  /** Undefined while the engine answers; else why it does not. */
  readonly engineProblem: string | undefined;
  /** Ports of the platform that do not listen, each with the reason; tried again until they do. */
  readonly closedDoors: readonly string[];
}

export interface DiskPort {
  /** Who takes what of the disk, and what would go. */
  report(signal: AbortSignal): Promise<DiskReport>;
  /** Removes what may go now. */
  clean(actor: Actor, out: Output, signal: AbortSignal): Promise<{ readonly freedBytes: number }>;
}

export interface SystemPort {
  info(): SystemInfo;
}
