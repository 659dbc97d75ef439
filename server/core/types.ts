import type { AppId, AppName, ProcessType, ServiceName, SpaceName } from "./ids.ts";

/** Milliseconds since the epoch. */
export type Instant = number;

/** Who acts: a user by ssh key or token, the owner of the machine by unix socket, or the platform itself. */
export interface Actor {
  readonly kind: "owner" | "user" | "system";
  readonly name: string;
}

export interface App {
  readonly id: AppId;
  readonly name: AppName;
  readonly space: SpaceName;
  /** Only this branch deploys; undefined until the first push adopts one. */
  readonly deployBranch: string | undefined;
  readonly stopped: boolean;
  readonly createdAt: Instant;
}

export type ConfigVars = Readonly<Record<string, string>>;

/** One line of a Procfile. Without a command the image's own ENTRYPOINT and CMD run. */
export interface ProcessCommand {
  readonly type: ProcessType;
  readonly command: string | undefined;
}

/** When an instance counts as up. `path` asks for HTTP 2xx or 3xx there; else web must accept TCP on its port. */
export interface Checks {
  readonly path: string | undefined;
  /** Time to become healthy, ms. */
  readonly bootTimeoutMs: number;
  /** Time to stay up afterwards, ms. */
  readonly settleMs: number;
  /** All must pass before it counts as up, beside the check above. */
  readonly startup?: readonly HealthCheck[];
  /** Asked as long as it runs; an instance that fails them is ended and started anew. */
  readonly liveness?: readonly HealthCheck[];
  /** Asked as long as it runs; an instance that fails them gets no requests until it passes again. */
  readonly readiness?: readonly HealthCheck[];
}

/** One question to a process about its health, as app.json has it. */
export interface HealthCheck {
  readonly name: string;
  readonly probe: HealthProbe;
  /** Tries in a row that have to fail. */
  readonly attempts: number;
  readonly timeoutMs: number;
  /** Between two tries. */
  readonly waitMs: number;
  /** After the start, before the first try. */
  readonly initialDelayMs: number;
  /** Failing is told in the log and changes nothing. */
  readonly warn: boolean;
}

/** `port`: the process's own when undefined. */
export type HealthProbe =
  | {
      readonly kind: "path";
      readonly path: string;
      readonly port: number | undefined;
      /** Must be in the body. */
      readonly content: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: "listening"; readonly port: number | undefined }
  | { readonly kind: "command"; readonly argv: readonly string[] };

/** What a repository's app.json asks of a release, kept with the droplet. */
export interface Manifest {
  readonly env: Readonly<Record<string, ManifestVariable>>;
  readonly formation: Readonly<Record<string, ManifestSize>>;
  readonly checks: Readonly<Record<string, Partial<Checks>>>;
  readonly scripts: ManifestScripts;
  readonly cron: readonly ManifestCron[];
}

export interface ManifestVariable {
  readonly description: string | undefined;
  readonly value: string | undefined;
  readonly isRequired: boolean;
  /** A random value is made once and kept. */
  readonly isGenerated: boolean;
}

export interface ManifestSize {
  readonly quantity: number | undefined;
  readonly memoryMb: number | undefined;
}

export interface ManifestScripts {
  /** In the new droplet before its release phase; what it writes is kept in the droplet. */
  readonly predeploy: string | undefined;
  /** After each deploy that came up. */
  readonly postdeploy: string | undefined;
  /** After the first deploy that came up, until it has succeeded once. */
  readonly firstDeploy: string | undefined;
}

export interface ManifestCron {
  readonly command: string;
  readonly schedule: string;
}

/** The immutable result of a build: what `createDroplet` stores beside its id. */
export interface DropletContent {
  readonly kind: "buildpack" | "dockerfile";
  /** Engine's image id, `sha256:…`. */
  readonly imageId: string;
  /** In Procfile order; `release` included when there is one. */
  readonly processes: readonly ProcessCommand[];
  /** argv that a command string is appended to, e.g. `["/bin/sh", "-c"]`. */
  readonly launcher: readonly string[];
  /** Defaults of the buildpack; config vars win. */
  readonly env: ConfigVars;
  /** Where web listens: the first EXPOSEd TCP port of a Dockerfile, else 8080. */
  readonly port: number;
  /** Human name of what built it: `node 24.21.0`, `Dockerfile`. */
  readonly builder: string;
  /** What web may take to listen, where that is not the usual. */
  readonly bootTimeoutMs?: number | undefined;
  /** Config vars that the app does not start without: each is made up once, where nobody has set it. */
  readonly secrets?: readonly string[] | undefined;
  /** Hash of all that it was made from; undefined when that cannot be told. */
  readonly fingerprint?: string | undefined;
  /** From app.json; undefined without one. */
  readonly manifest?: Manifest | undefined;
}

export interface Droplet extends DropletContent {
  readonly id: string;
  readonly appId: AppId;
  readonly buildId: string;
  readonly commit: string;
  readonly createdAt: Instant;
}

/** Where the content of a build comes from. */
export type Source =
  | { readonly kind: "push" }
  | { readonly kind: "git"; readonly url: string; readonly ref: string }
  | { readonly kind: "archive"; readonly name: string }
  | { readonly kind: "image"; readonly ref: string };

export interface Build {
  readonly id: string;
  readonly appId: AppId;
  /** 1, 2, … per app. */
  readonly number: number;
  /** Of a push or a git source; else what identifies the content, `sha256:…`. */
  readonly commit: string;
  readonly source: Source;
  readonly actor: string;
  readonly status: "queued" | "running" | "succeeded" | "failed" | "cancelled" | "superseded";
  /** One line, when it did not succeed. */
  readonly reason: string | undefined;
  readonly createdAt: Instant;
  readonly finishedAt: Instant | undefined;
}

export interface Release {
  readonly appId: AppId;
  /** 1, 2, … per app; shown as `v7`. */
  readonly version: number;
  readonly dropletId: string;
  readonly commit: string;
  readonly config: ConfigVars;
  readonly processes: readonly ProcessCommand[];
  readonly checks: Readonly<Record<string, Checks>>;
  readonly description: string;
  readonly actor: string;
  readonly status: "pending" | "succeeded" | "failed";
  readonly reason: string | undefined;
  readonly createdAt: Instant;
}

/** One roll-out of a release: push, config change, rollback and restart each make one. */
export interface Generation {
  readonly id: string;
  readonly appId: AppId;
  readonly version: number;
  /**
   * Process type → cohort. Instances carry the cohort they were started for. A type that is not named has the
   * generation's own id; one that is named keeps the instances of the generation before (restart of one type).
   */
  readonly cohorts: Readonly<Record<string, string>>;
  /** Becomes the app's formation together with it; undefined leaves that as it is. */
  readonly formation?: readonly FormationEntry[] | undefined;
  readonly createdAt: Instant;
}

export interface FormationEntry {
  readonly type: ProcessType;
  readonly count: number;
  readonly memoryMb: number;
  readonly cpus: number;
}

export type InstanceState = "starting" | "up" | "stopping" | "crashed";

/** What `paas ps` shows of one instance. */
export interface InstanceStatus {
  /** `web.1` */
  readonly name: string;
  readonly type: ProcessType;
  readonly index: number;
  readonly version: number;
  readonly state: InstanceState;
  readonly since: Instant;
  readonly crashes: number;
  /** Of the last crash: `exit code 1`, `killed for memory (limit 512 MB)`. */
  readonly reason: string | undefined;
  readonly nextStartAt: Instant | undefined;
  readonly container: string;
}

/** How a generation takes the place of the one before: beside it until it is up, or only when nothing is left of it. */
export type Strategy = "rolling" | "recreate";

export interface Route {
  readonly id: string;
  /** Lower case; may start with `*.`. */
  readonly host: string;
  /** `/` or `/v2`, no slash at the end. */
  readonly path: string;
  readonly space: SpaceName;
  readonly appId: AppId | undefined;
  readonly type: ProcessType;
  /** Port in the instance; the process's own when undefined. */
  readonly port: number | undefined;
  /** Its part of the requests where other apps share the route. */
  readonly weight?: number | undefined;
}

/** An app that answers a part of a route's requests beside the one that holds it. */
export interface RouteShare {
  readonly routeId: string;
  readonly appId: AppId;
  readonly type: ProcessType;
  readonly port: number | undefined;
  readonly weight: number;
}

/** A port of the machine whose connections go to an app as they are. */
export interface TcpRoute {
  readonly listenPort: number;
  readonly space: SpaceName;
  readonly appId: AppId | undefined;
  readonly type: ProcessType;
  /** In the instance; the process's own when undefined. */
  readonly port: number | undefined;
  /** Tells the instance who the client is. */
  readonly proxyProtocol: "v1" | "v2" | undefined;
}

export interface ServiceInstance {
  readonly id: string;
  readonly name: ServiceName;
  readonly space: SpaceName;
  /** `postgres`, `redis` or `user-provided`. */
  readonly offering: string;
  readonly plan: string | undefined;
  readonly status: "creating" | "ready" | "failed" | "deleting";
  readonly createdAt: Instant;
}

export interface Binding {
  readonly id: string;
  readonly serviceId: string;
  readonly appId: AppId;
  /** Variable that holds the URL, e.g. DATABASE_URL; undefined when the service has none. */
  readonly envName: string | undefined;
  readonly credentials: Readonly<Record<string, unknown>>;
  readonly createdAt: Instant;
}

export type LogSource = "app" | "router" | "build" | "paas";

/** One line of an app's log. */
export interface LogLine {
  /** Milliseconds since the epoch, fractions allowed. */
  readonly at: number;
  readonly source: LogSource;
  /** `web.1`, `router`, `build.7`, `run.3`, `scheduler`, `api`. */
  readonly process: string;
  readonly text: string;
}
