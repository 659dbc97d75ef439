import type { TcpRoutesPort, TcpRouteView } from "../api/tcp-routes.ts";
import { AppError } from "../core/errors.ts";
import { parseProcessType, web, type AppId, type SpaceName } from "../core/ids.ts";
import type { Clock } from "../core/time.ts";
import type { App, TcpRoute } from "../core/types.ts";

export interface TcpRoutesDeps {
  readonly store: {
    list(): readonly TcpRoute[];
    find(listenPort: number): TcpRoute | undefined;
    set(route: TcpRoute, at: number): void;
    delete(listenPort: number): void;
  };
  readonly apps: { get(name: string): App; getById(id: AppId): App | undefined };
  readonly changed: () => Promise<void>;
  /** Another process type of the app may serve requests now. */
  readonly mapped: (appId: AppId) => void;
  /** Port → why the router does not listen there. */
  readonly problems: () => Promise<Readonly<Record<string, string>>>;
  /** Ports of the platform itself. */
  readonly ownPorts: () => readonly number[];
  readonly space: SpaceName;
  readonly now: Clock;
}

export function createTcpRoutes(deps: TcpRoutesDeps): TcpRoutesPort {
  const nameOf = (appId: AppId | undefined) => (appId === undefined ? undefined : deps.apps.getById(appId)?.name);
  const view = (route: TcpRoute, problems: Readonly<Record<string, string>>): TcpRouteView => ({
    ...route,
    appName: nameOf(route.appId),
    problem: problems[route.listenPort],
  });
  const find = (listenPort: number): TcpRoute => {
    const route = deps.store.find(listenPort);
    if (route === undefined) throw new AppError("TCP_ROUTE_NOT_FOUND", { port: listenPort });
    return route;
  };

  return {
    async list() {
      const routes = deps.store.list();
      if (routes.length === 0) return [];
      const problems = await deps.problems();
      return routes.map((route) => view(route, problems));
    },

    async set(_actor, name, request) {
      const { listenPort } = request;
      const app = name === undefined ? undefined : deps.apps.get(name);
      const before = deps.store.find(listenPort);
      if (before?.appId !== undefined && before.appId !== app?.id) {
        throw new AppError("TCP_PORT_TAKEN", { port: listenPort, holder: `belongs to app "${nameOf(before.appId)}"` });
      }
      if (deps.ownPorts().includes(listenPort)) {
        throw new AppError("TCP_PORT_TAKEN", { port: listenPort, holder: "belongs to the platform itself" });
      }
      const type = request.type === undefined ? web : parseProcessType(request.type);
      const { port, proxyProtocol } = request;
      const route: TcpRoute = { listenPort, space: deps.space, appId: app?.id, type, port, proxyProtocol };
      deps.store.set(route, deps.now());
      await deps.changed();
      if (app !== undefined) deps.mapped(app.id);
      const problems = await deps.problems();
      if (problems[listenPort] === undefined) return view(route, problems);
      // What cannot work is not kept.
      if (before === undefined) deps.store.delete(listenPort);
      else deps.store.set(before, deps.now());
      await deps.changed();
      throw new AppError("TCP_PORT_TAKEN", {
        port: listenPort,
        holder: `cannot be listened on (${problems[listenPort]})`,
      });
    },

    async unmap(_actor, name, listenPort) {
      const route = find(listenPort);
      if (route.appId !== deps.apps.get(name).id) {
        throw new AppError("ROUTE_NOT_MAPPED", { route: `:${listenPort}`, app: name });
      }
      deps.store.set({ ...route, appId: undefined, type: web, port: undefined }, deps.now());
      await deps.changed();
    },

    async delete(_actor, listenPort) {
      deps.store.delete(find(listenPort).listenPort);
      await deps.changed();
    },
  };
}
