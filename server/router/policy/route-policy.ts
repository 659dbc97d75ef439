/**
 * What a route does to requests beside forwarding them, as it stands in the routing table: plain JSON, checked on the
 * control side (`server/routes/policy-schema.ts`). Every part is optional; a route without any has no policy at all.
 */
export interface RoutePolicy {
  /** `hash:NAME`: by the value of a header. */
  readonly balance?: "round-robin" | "least-connections" | `hash:${string}`;
  /** One client stays with one instance. With `cookie`, from the answer on in which the app sets that cookie. */
  readonly sticky?: { readonly cookie?: string };
  readonly concurrency?: Concurrency;
  readonly timeouts?: RouteTimeouts;
  readonly maintenance?: { readonly page?: Page };
  /** Requests wait until this policy is gone, ms since the epoch at most. */
  readonly hold?: { readonly until: number };
  /** `H12`, `429`, `4xx`, `5xx` or `default` → page instead of the router's own. */
  readonly errorPages?: Readonly<Record<string, Page>>;
  readonly rateLimit?: RateLimit;
  readonly cache?: CacheSettings;
  readonly compress?: boolean;
  readonly basicAuth?: { readonly users: readonly BasicUser[]; readonly realm?: string };
  readonly ipAllow?: readonly string[];
  readonly ipDeny?: readonly string[];
  readonly requestHeaders?: HeaderChange;
  readonly responseHeaders?: HeaderChange;
  readonly redirects?: readonly Redirect[];
  /** `/old` → `/new` for paths below it, whole segments; the first that fits. */
  readonly rewrites?: readonly PathPair[];
  /** Takes the route's own path away before the app sees it. */
  readonly stripPrefix?: boolean;
  readonly maxBodyBytes?: number;
  readonly forwardAuth?: ForwardAuth;
  readonly oidc?: Oidc;
  readonly routeService?: RouteService;
  /** Of the port of HTTPS that the public sees, `port`. */
  readonly https?: { readonly redirect?: boolean; readonly hstsSeconds?: number; readonly port?: number };
  /** How to speak to instances; HTTP/1.1 unless told. */
  readonly protocol?: "http1" | "h2c";
}

export interface Concurrency {
  /** Requests at a time for one instance; each worker of the router has its share. */
  readonly perInstance: number;
  /** Requests that may wait for a free instance. */
  readonly queue: number;
  readonly queueTimeoutMs: number;
}

/** In place of the router's own. */
export interface RouteTimeouts {
  readonly connectMs?: number;
  /** From the last byte of the request to the first of the answer (H12). */
  readonly firstByteMs?: number;
  /** Without a byte in either direction (H15, H28). */
  readonly idleMs?: number;
  /** That a request waits while the first instance starts (H20). */
  readonly startMs?: number;
  /** For a request as a whole (H12); no limit unless told. Not for tunnels. */
  readonly requestMs?: number;
}

/** HTML to answer with, or the address of a page that is shown in a frame. */
export type Page = { readonly html: string } | { readonly url: string };

export interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
  /** `client`, `route` (all together), `header:NAME`, `cookie:NAME` or `query:NAME`. */
  readonly by: string;
}

export interface CacheSettings {
  /** The largest answer that is kept. */
  readonly maxEntryBytes: number;
}

export interface BasicUser {
  readonly name: string;
  /** `scrypt$N$r$p$salt$hash`, base64. */
  readonly hash: string;
}

export interface HeaderChange {
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

export interface Redirect {
  /** A path, all paths below it with `/*` at its end. */
  readonly from: string;
  /** A path or URL; `*` at its end takes what stood for that of `from`. */
  readonly to: string;
  readonly status: 301 | 302 | 303 | 307 | 308;
}

export interface PathPair {
  readonly from: string;
  readonly to: string;
}

export interface ForwardAuth {
  readonly url: string;
  /** Fields of its 2xx answer that the app gets. */
  readonly copyHeaders: readonly string[];
}

export interface Oidc {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  readonly sessionMs: number;
  /** 32 bytes, base64: encrypts the session cookie. */
  readonly cookieKey: string;
  /** Addresses, or `@example.test` for all of a domain; nobody else is let in. All may when it is empty. */
  readonly allow: readonly string[];
}

export interface RouteService {
  readonly url: string;
  /** 32 bytes, base64: encrypts what the service hands back. */
  readonly key: string;
}
