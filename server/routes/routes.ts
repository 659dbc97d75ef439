import { AppError } from "../core/errors.ts";
import { newId, parseProcessType, web } from "../core/ids.ts";
import type { AppId, AppName, SpaceName } from "../core/ids.ts";
import type { Clock } from "../core/time.ts";
import type { Actor, App, Route, RouteShare } from "../core/types.ts";
import type { RouteRequest, RoutesPort, RouteView } from "../api/platform.ts";
import { parseRouteAddress, urlOf } from "./address.ts";
import { randomHostname } from "./random-hostname.ts";

export interface RoutesDeps {
  readonly store: {
    list(): readonly Route[];
    listOf(appId: AppId): readonly Route[];
    find(host: string, path: string): Route | undefined;
    insert(route: Route, at: number): void;
    map(id: string, target: Pick<Route, "appId" | "type" | "port" | "weight">): void;
    rehost(id: string, host: string): void;
    delete(id: string): void;
  };
  readonly shares: {
    list(): readonly RouteShare[];
    set(share: RouteShare): void;
    delete(routeId: string, appId: AppId): boolean;
  };
  readonly apps: { get(name: string): App; getById(id: AppId): App | undefined };
  /** The table has changed. Resolves when the router has applied it. */
  readonly changed: () => Promise<void>;
  /** Another process type of the app may serve requests now. */
  readonly mapped: (appId: AppId) => void;
  readonly domain: string;
  readonly httpPort: () => number;
  /** Undefined: no TLS. */
  readonly httpsPort: () => number | undefined;
  /** A client that asks for it gets one that is valid. */
  readonly hasCertificate: (host: string) => boolean;
  readonly space: SpaceName;
  readonly now: Clock;
}

export interface Routes extends RoutesPort {
  /** URLs of an app, its own `<app>.<domain>` first. */
  urlsOf(appId: AppId): readonly string[];
  /** The route that every app has from the start. */
  createDefault(app: App): void;
  /** Its own `<app>.<domain>` follows the name; other routes stay. */
  rename(app: App, to: AppName): void;
  /** @throws AppError ROUTE_NOT_FOUND */
  lookup(request: RouteRequest): { readonly route: Route; readonly view: RouteView };
}

/** Creates, maps and removes routes. A host and path belong to one app at most. */
export function createRoutes(deps: RoutesDeps): Routes {
  const urlOfRoute = (route: Route): string =>
    urlOf(route, { http: deps.httpPort(), https: deps.hasCertificate(route.host) ? deps.httpsPort() : undefined });
  const view = (route: Route): RouteView => ({
    ...route,
    appName: route.appId === undefined ? undefined : deps.apps.getById(route.appId)?.name,
    url: urlOfRoute(route),
  });
  const reserved = `paas.${deps.domain}`;

  const addressOf = (request: RouteRequest) => {
    const hostname =
      request.random === true ? [randomHostname(), request.hostname].filter(Boolean).join(".") : undefined;
    const address = parseRouteAddress(hostname === undefined ? request : { ...request, hostname });
    if (address.host === reserved) throw new AppError("ROUTE_RESERVED", { host: address.host });
    return address;
  };
  const insert = (
    address: { host: string; path: string },
    target: Pick<Route, "appId" | "type" | "port" | "weight">,
  ): Route => {
    const route: Route = { id: newId(), ...address, space: deps.space, ...target };
    deps.store.insert(route, deps.now());
    return route;
  };
  const find = (request: RouteRequest): Route => {
    const { host, path } = addressOf(request);
    const route = deps.store.find(host, path);
    if (route === undefined) throw new AppError("ROUTE_NOT_FOUND", { route: shown(host, path) });
    return route;
  };

  /** One app more at a route that says that it is shared: each of its apps has a weight. */
  const share = (app: App, route: Route, request: RouteRequest, type: Route["type"]): void => {
    if (request.weight === undefined || route.weight === undefined) {
      const what = { route: shown(route.host, route.path), app: view(route).appName };
      throw new AppError(request.weight === undefined ? "ROUTE_TAKEN" : "ROUTE_NOT_SHARED", what);
    }
    deps.shares.set({ routeId: route.id, appId: app.id, type, port: request.port, weight: request.weight });
  };

  return {
    list: () => deps.store.list().map(view),
    lookup(request) {
      const route = find(request);
      return { route, view: view(route) };
    },
    urlsOf: (appId) => deps.store.listOf(appId).map(urlOfRoute),

    createDefault(app) {
      const address = { host: `${app.name}.${deps.domain}`, path: "/" };
      const taken = deps.store.find(address.host, address.path);
      if (taken?.appId !== undefined)
        throw new AppError("ROUTE_TAKEN", { route: address.host, app: view(taken).appName });
      if (taken) deps.store.map(taken.id, { appId: app.id, type: web, port: undefined });
      else insert(address, { appId: app.id, type: web, port: undefined });
    },

    rename(app, to) {
      const host = `${to}.${deps.domain}`;
      const taken = deps.store.find(host, "/");
      if (taken !== undefined) throw new AppError("ROUTE_TAKEN", { route: host, app: view(taken).appName ?? "nobody" });
      const own = deps.store.find(`${app.name}.${deps.domain}`, "/");
      // The same route under another name: what it does to requests stays.
      if (own?.appId === app.id) deps.store.rehost(own.id, host);
      else insert({ host, path: "/" }, { appId: app.id, type: web, port: undefined });
    },

    async map(_actor: Actor, name: AppName, request) {
      const app = deps.apps.get(name);
      const address = addressOf(request);
      const target = {
        appId: app.id,
        type: request.type === undefined ? web : parseProcessType(request.type),
        port: request.port,
        weight: request.weight,
      };
      const existing = deps.store.find(address.host, address.path);
      const isOthers = existing?.appId !== undefined && existing.appId !== app.id;
      if (isOthers) share(app, existing, request, target.type);
      else if (existing) deps.store.map(existing.id, target);
      deps.mapped(app.id);
      const route = existing ? { ...existing, ...(isOthers ? {} : target) } : insert(address, target);
      await deps.changed();
      return view(route);
    },

    async unmap(_actor, name, request) {
      const app = deps.apps.get(name);
      const route = find(request);
      if (route.appId === app.id) deps.store.map(route.id, heirOf(deps.shares, route) ?? nobody);
      else if (!deps.shares.delete(route.id, app.id))
        throw new AppError("ROUTE_NOT_MAPPED", { route: shown(route.host, route.path), app: name });
      await deps.changed();
    },

    create(_actor, request) {
      const address = addressOf(request);
      const existing = deps.store.find(address.host, address.path);
      if (existing) throw new AppError("ROUTE_EXISTS", { route: shown(address.host, address.path) });
      return view(insert(address, { appId: undefined, type: web, port: undefined }));
    },

    async delete(_actor, request) {
      deps.store.delete(find(request).id);
      await deps.changed();
    },
  };
}

const nobody = { appId: undefined, type: web, port: undefined };

/** Who shares a route keeps it when the app that held it leaves. */
function heirOf(
  shares: RoutesDeps["shares"],
  route: Route,
): Pick<Route, "appId" | "type" | "port" | "weight"> | undefined {
  const heir = shares.list().find((share) => share.routeId === route.id);
  if (heir !== undefined) shares.delete(route.id, heir.appId);
  return heir;
}

function shown(host: string, path: string): string {
  return path === "/" ? host : host + path;
}
