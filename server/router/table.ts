import type { TableRoute } from "./protocol.ts";

export interface RouteMatcher {
  /**
   * The route for a host as {@link normaliseHost} gives it and a request target (`/v2/x?q`).
   * Exact host before wildcard, the most specific wildcard first, then the longest path prefix by whole segments.
   */
  match(host: string, target: string): TableRoute | undefined;
}

interface HostRoutes {
  readonly byPath: Map<string, TableRoute>;
  /** Segments of the longest path: deeper ones need not be looked at. */
  depth: number;
}

export function compileTable(routes: readonly TableRoute[]): RouteMatcher {
  const exact = new Map<string, HostRoutes>();
  const wildcards = new Map<string, HostRoutes>();
  for (const route of routes) {
    const host = route.host.toLowerCase();
    if (host.startsWith("*.")) add(wildcards, host.slice(2), route);
    else add(exact, host, route);
  }
  return {
    match(host, target) {
      const path = pathOf(target);
      const own = longestPrefix(exact.get(host), path);
      return own ?? matchWildcard(wildcards, host, path);
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

function add(hosts: Map<string, HostRoutes>, host: string, route: TableRoute): void {
  const entry = hosts.get(host) ?? { byPath: new Map<string, TableRoute>(), depth: 0 };
  const path = route.path === "/" ? "" : route.path;
  entry.byPath.set(path, route);
  entry.depth = Math.max(entry.depth, path.split("/").length - 1);
  hosts.set(host, entry);
}

function matchWildcard(wildcards: Map<string, HostRoutes>, host: string, path: string): TableRoute | undefined {
  if (wildcards.size === 0) return undefined;
  for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
    const found = longestPrefix(wildcards.get(host.slice(dot + 1)), path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function longestPrefix(entry: HostRoutes | undefined, path: string): TableRoute | undefined {
  if (entry === undefined) return undefined;
  for (
    let prefix = firstSegments(path, entry.depth);
    prefix !== "";
    prefix = prefix.slice(0, prefix.lastIndexOf("/"))
  ) {
    const found = entry.byPath.get(prefix);
    if (found !== undefined) return found;
  }
  return entry.byPath.get("");
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
