import type { TableRoute } from "./protocol.ts";

/** What {@link compileTable} needs to know of a route. */
interface Placed {
  readonly route: Pick<TableRoute, "host" | "path">;
}

export interface RouteMatcher<Entry extends Placed> {
  /**
   * The route for a host as {@link normaliseHost} gives it and a request target (`/v2/x?q`).
   * Exact host before wildcard, the most specific wildcard first, then the longest path prefix by whole segments.
   */
  match(request: Requested): Entry | undefined;
}

/** `target` is looked at only where the host alone does not decide: to make it costs something. */
export interface Requested {
  readonly host: string;
  readonly target: string;
}

interface HostRoutes<Entry> {
  /** Most hosts have no route but that of the whole host. */
  byPath: Map<string, Entry> | undefined;
  /** Segments of the longest path: deeper ones need not be looked at. */
  depth: number;
  /** The route of the whole host. */
  root: Entry | undefined;
}

export function compileTable<Entry extends Placed>(entries: readonly Entry[]): RouteMatcher<Entry> {
  const exact = new Map<string, HostRoutes<Entry>>();
  const wildcards = new Map<string, HostRoutes<Entry>>();
  for (const entry of entries) {
    const host = entry.route.host.toLowerCase();
    if (host.startsWith("*.")) add(wildcards, host.slice(2), entry);
    else add(exact, host, entry);
  }
  return {
    match(request) {
      const { host } = request;
      const own = exact.get(host);
      if (own?.root !== undefined && own.depth === 0) return own.root;
      const path = pathOf(request.target);
      return longestPrefix(own, path) ?? matchWildcard(wildcards, host, path);
    },
  };
}

const hostPattern = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const ipv6Pattern = /^\[[0-9a-f:.]+\]$/;
const maxHostLength = 253;

/** Lower case, without port and without a dot at the end; undefined when it is no host at all. */
export function normaliseHost(raw: string): string | undefined {
  const host = raw
    .toLowerCase()
    .replace(/:\d{0,5}$/, "")
    .replace(/\.$/, "");
  if (host.length > maxHostLength) return undefined;
  return hostPattern.test(host) || ipv6Pattern.test(host) ? host : undefined;
}

function add<Entry extends Placed>(hosts: Map<string, HostRoutes<Entry>>, host: string, entry: Entry): void {
  let known = hosts.get(host);
  if (known === undefined) {
    known = { byPath: undefined, depth: 0, root: undefined };
    hosts.set(host, known);
  }
  const { path } = entry.route;
  if (path === "/") {
    known.root = entry;
    return;
  }
  known.byPath ??= new Map();
  known.byPath.set(path, entry);
  known.depth = Math.max(known.depth, path.split("/").length - 1);
}

function matchWildcard<Entry>(
  wildcards: Map<string, HostRoutes<Entry>>,
  host: string,
  path: string,
): Entry | undefined {
  if (wildcards.size === 0) return undefined;
  for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
    const found = longestPrefix(wildcards.get(host.slice(dot + 1)), path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function longestPrefix<Entry>(entry: HostRoutes<Entry> | undefined, path: string): Entry | undefined {
  if (entry === undefined) return undefined;
  for (
    let prefix = firstSegments(path, entry.depth);
    prefix !== "";
    prefix = prefix.slice(0, prefix.lastIndexOf("/"))
  ) {
    const found = entry.byPath?.get(prefix);
    if (found !== undefined) return found;
  }
  return entry.root;
}

/** `/a/b/c` and 2 is `/a/b`. */
function firstSegments(path: string, count: number): string {
  if (count === 0) return "";
  let end = 0;
  for (let segments = 0; segments < count; segments++) {
    end = path.indexOf("/", end + 1);
    if (end === -1) return path;
  }
  return path.slice(0, end);
}

/** The path of a request target; the `*` of OPTIONS stands for the root. */
function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  const path = end === -1 ? target : target.slice(0, end);
  return path.startsWith("/") ? path : "/";
}
