import type { Encryption } from "./tls/encryption.ts";
import type { RoutePolicy } from "./policy/route-policy.ts";

/** What daemon and router say to each other. Both sides import this file and nothing of each other's. */

/** A running instance that may take requests. */
export interface Target {
  /** Container id: unique for ever, so that a drain can never mean another instance. */
  readonly id: string;
  /** `web.1`, for the request log. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Reached by TLS; the name that its certificate is for. Empty for an address. */
  readonly tls?: { readonly servername: string };
  /** Where several apps share a route: its app's part of the requests. */
  readonly share?: { readonly group: string; readonly weight: number };
  /** Of the app, where it is another than the route's. */
  readonly app?: string;
  readonly appId?: string;
}

/** One host + path prefix. A route without targets answers 503, never 404. */
export interface TableRoute {
  /** Lower case; `*.example.test` matches one or more labels. */
  readonly host: string;
  /** `/`, or `/v2` without a slash at the end; matches whole segments. */
  readonly path: string;
  /** App name; undefined when the route exists and no app is mapped. */
  readonly app: string | undefined;
  /** Its id, as the app itself sees it in VCAP_APPLICATION. */
  readonly appId?: string | undefined;
  /** Why there may be no targets: chooses H81, H14 or H10; while the first one starts, requests wait for it. */
  readonly state: "blank" | "stopped" | "starting" | "running" | "crashed";
  readonly targets: readonly Target[];
  /** Undefined for plain forwarding. */
  readonly policy?: RoutePolicy | undefined;
}

/** A port of the machine whose connections go to an app as they are. */
export interface TcpTableRoute {
  readonly listenPort: number;
  readonly app: string | undefined;
  readonly targets: readonly Target[];
  /** There is no target, and one is on its way: connections wait for it. */
  readonly isStarting?: boolean;
  /** Tells the instance who the client is, before its first byte. */
  readonly proxyProtocol?: "v1" | "v2";
}

export interface RoutingTable {
  /** Grows with each change; a router refuses an older one than it has, within one `epoch`. */
  readonly version: number;
  readonly routes: readonly TableRoute[];
  readonly tcp?: readonly TcpTableRoute[];
  readonly front?: Front;
}

/** What stands in front of the workers. */
export interface Front {
  /** How many they are: limits for an instance are divided among them. */
  readonly workers: number;
  /** Addresses and networks whose word about the client counts. */
  readonly trustedProxies: readonly string[];
  /** They put a PROXY header before each connection. */
  readonly proxyProtocol: boolean;
}

/** A table but for its number. */
export type TableContent = Omit<RoutingTable, "version" | "routes">;

/** Stored answers of one route, below a path where one is given. */
export interface PurgeRequest {
  readonly host: string;
  readonly path: string;
  readonly below?: string;
}

/** One finished request, for the app's log. */
export interface RequestRecord {
  /** ms since the epoch, when it finished */
  readonly at: number;
  readonly app: string;
  /** Heroku's line after `heroku[router]: `: `at=info method=GET path="/" host=… request_id=… fwd="…" dyno=web.1 connect=1ms service=18ms status=200 bytes=13 protocol=http`, and ` tls_version=tls1.3` behind `https` */
  readonly text: string;
}

/** The daemon's handle on the router process. */
export interface RouterControl {
  /** Resolves when every worker routes by this table. @throws AppError ROUTER_UNAVAILABLE */
  apply(routes: readonly TableRoute[], signal: AbortSignal, more?: TableContent): Promise<void>;
  /** Resolves true when nothing is in flight to these targets, false at the deadline. Call after `apply` without them. */
  drain(targetIds: readonly string[], deadlineMs: number, signal: AbortSignal): Promise<boolean>;
  /** Forgets stored answers in all workers; answers how many. @throws AppError ROUTER_UNAVAILABLE */
  purge(what: PurgeRequest, signal: AbortSignal): Promise<number>;
  /** Resolves when every worker serves these certificates; they are given again to a router that starts anew. @throws AppError ROUTER_UNAVAILABLE */
  encrypt(encryption: Encryption, signal: AbortSignal): Promise<void>;
  readonly httpPort: number;
  /** Undefined: no TLS. */
  readonly httpsPort: number | undefined;
  readonly pid: number;
}
