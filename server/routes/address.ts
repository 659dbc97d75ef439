import { AppError } from "../core/errors.ts";

/** A route as typed, in its normal form. */
export interface RouteAddress {
  /** Lower case, may start with `*.` */
  readonly host: string;
  /** `/` or `/v2` */
  readonly path: string;
}

const labelPattern = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;
const pathPattern = /^(?:\/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+$/;

/**
 * `domain` example.test and `hostname` api make api.example.test; hostname `*` makes a wildcard. `path` is a prefix of
 * whole segments. A full URL is taken apart. @throws AppError ROUTE_INVALID
 */
export function parseRouteAddress(request: {
  domain: string;
  hostname?: string | undefined;
  path?: string | undefined;
}): RouteAddress {
  const domain = request.domain.trim().toLowerCase().replace(/\.$/, "");
  const host =
    request.hostname === undefined || request.hostname === "" ? domain : `${request.hostname.toLowerCase()}.${domain}`;
  const labels = host.replace(/^\*\./, "").split(".");
  if (host.length > 253 || !labels.every((label) => labelPattern.test(label)))
    throw new AppError("ROUTE_INVALID", { host });
  const path = normalPath(request.path);
  if (path === undefined) throw new AppError("ROUTE_PATH_INVALID", { path: request.path });
  return { host, path };
}

function normalPath(raw: string | undefined): string | undefined {
  if (raw === undefined || raw === "" || raw === "/") return "/";
  const path = (raw.startsWith("/") ? raw : `/${raw}`).replace(/\/+$/, "");
  return path.length <= 128 && pathPattern.test(path) ? path : undefined;
}

export interface Doors {
  readonly http: number;
  /** Undefined where the host has no certificate, or there is no TLS. */
  readonly https?: number | undefined;
}

/** `https://shop.example.test/v2` where it can be, else `http://`; a port is left out where it is the scheme's own. */
export function urlOf({ host, path }: RouteAddress, { http, https }: Doors): string {
  const [scheme, number, own] = https === undefined ? ["http", http, 80] : ["https", https, 443];
  const port = number === own ? "" : `:${number}`;
  return `${scheme}://${host}${port}${path === "/" ? "" : path}`;
}
