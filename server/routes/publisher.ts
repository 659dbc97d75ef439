import type { AppId } from "../core/ids.ts";
import type { Route, RouteShare, TcpRoute } from "../core/types.ts";
import type { RoutePolicy } from "../router/policy/route-policy.ts";
import type { Front, RouterControl, TableRoute, Target, TcpTableRoute } from "../router/protocol.ts";
import type { RoutedInstance, Routing, Serving } from "../scheduler/ports.ts";

interface Served {
  readonly targets: readonly RoutedInstance[];
  readonly serving: Serving;
}

export interface PublisherDeps {
  readonly control: () => RouterControl;
  readonly routes: () => readonly Route[];
  readonly appName: (appId: AppId) => string | undefined;
  /** What the routes of one table do beside forwarding. */
  readonly policies: () => (route: Route) => RoutePolicy | undefined;
  readonly shares: () => readonly RouteShare[];
  readonly tcp: () => readonly TcpRoute[];
  readonly front: Front;
  /** Routes of the platform itself, e.g. the API at `paas.<domain>`. */
  readonly own: () => readonly TableRoute[];
}

/** Holds what each app serves and pushes the whole table to the router, one push at a time, newest state last. */
export class RoutePublisher implements Routing {
  readonly #deps: PublisherDeps;
  readonly #serving = new Map<AppId, Served>();
  #queue: Promise<void> = Promise.resolve();
  #isHeld = true;
  readonly #released = Promise.withResolvers<void>();

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
  }

  targets(appId: AppId): readonly RoutedInstance[] {
    return this.#serving.get(appId)?.targets ?? [];
  }

  serving(appId: AppId): Serving {
    return this.#serving.get(appId)?.serving ?? "blank";
  }

  /** Known from before this daemon; not pushed until `release`. */
  seed(appId: AppId, targets: readonly RoutedInstance[], serving: Serving): void {
    this.#serving.set(appId, { targets, serving });
  }

  /** Resolves when the first table is out. */
  get released(): Promise<void> {
    return this.#released.promise;
  }

  /** Ends the hold at start-up: from now on tables are pushed. */
  async release(signal: AbortSignal): Promise<void> {
    this.#isHeld = false;
    await this.refresh(signal);
    this.#released.resolve();
  }

  async publish(
    appId: AppId,
    targets: readonly RoutedInstance[],
    serving: Serving,
    signal: AbortSignal,
  ): Promise<void> {
    const before = this.#serving.get(appId);
    this.#serving.set(appId, { targets, serving });
    try {
      await this.refresh(signal);
    } catch (err) {
      // Not applied: what was routed still is, as far as anybody knows, so nothing of it may be drained yet.
      if (before) this.#serving.set(appId, before);
      else this.#serving.delete(appId);
      throw err;
    }
  }

  async drain(containerId: string, deadlineMs: number, signal: AbortSignal): Promise<void> {
    await this.#deps.control().drain([containerId], deadlineMs, signal);
  }

  forget(appId: AppId): void {
    this.#serving.delete(appId);
  }

  /** Pushes the table as it is now. Resolves when the router has applied it. */
  refresh(signal: AbortSignal): Promise<void> {
    if (this.#isHeld) return Promise.resolve();
    const push = this.#queue.then(() =>
      this.#deps.control().apply(this.table(), signal, { tcp: this.#tcp(), front: this.#deps.front }),
    );
    this.#queue = push.catch(() => undefined);
    return push;
  }

  table(): readonly TableRoute[] {
    const policyOf = this.#deps.policies();
    const shares = Map.groupBy(this.#deps.shares(), (share) => share.routeId);
    const rows = this.#deps.routes().map((route) => this.#row(route, policyOf(route), shares.get(route.id) ?? []));
    return [...this.#deps.own(), ...rows];
  }

  #tcp(): readonly TcpTableRoute[] {
    return this.#deps.tcp().map((route) => {
      const targets = this.#targets(route, route.type, route.port);
      return {
        listenPort: route.listenPort,
        app: route.appId === undefined ? undefined : this.#deps.appName(route.appId),
        targets,
        ...(this.#stateOf(route, targets) === "starting" ? { isStarting: true } : {}),
        ...(route.proxyProtocol === undefined ? {} : { proxyProtocol: route.proxyProtocol }),
      };
    });
  }

  #row(route: Route, policy: RoutePolicy | undefined, shares: readonly RouteShare[]): TableRoute {
    const own = this.#targets(route, route.type, route.port);
    const targets = shares.length === 0 ? own : [...this.#shared(route, own), ...this.#othersOf(shares)];
    return {
      host: route.host,
      path: route.path,
      app: route.appId === undefined ? undefined : this.#deps.appName(route.appId),
      ...(route.appId === undefined ? {} : { appId: route.appId }),
      state: this.#stateOf(route, targets),
      targets,
      ...(policy === undefined ? {} : { policy: this.#withPort(policy) }),
    };
  }

  #stateOf({ appId, type }: Pick<Route, "appId" | "type">, targets: readonly Target[]): TableRoute["state"] {
    const serving = appId === undefined ? "blank" : this.serving(appId);
    const state = serving === "blank" ? serving : (serving[type] ?? "stopped");
    return state === "running" && targets.length === 0 ? "stopped" : state;
  }

  /** A redirect leads to the port where this router speaks TLS. */
  #withPort(policy: RoutePolicy): RoutePolicy {
    const port = this.#deps.control().httpsPort;
    if (policy.https?.redirect !== true || policy.https.port !== undefined || port === undefined) return policy;
    return { ...policy, https: { ...policy.https, port } };
  }

  #targets(
    { appId }: { readonly appId: AppId | undefined },
    type: string,
    port: number | undefined,
  ): readonly Target[] {
    const serving = appId === undefined ? undefined : this.#serving.get(appId);
    return (serving?.targets ?? [])
      .filter((target) => target.type === type)
      .map((target) => ({ id: target.id, name: target.name, host: target.address, port: port ?? target.port }));
  }

  #shared(route: Route, own: readonly Target[]): readonly Target[] {
    const share = { group: route.appId ?? "", weight: route.weight ?? 1 };
    return share.weight === 0 ? [] : own.map((target) => ({ ...target, share }));
  }

  #othersOf(shares: readonly RouteShare[]): readonly Target[] {
    return shares.flatMap((one) => {
      if (one.weight === 0) return [];
      const app = this.#deps.appName(one.appId);
      const more = {
        share: { group: one.appId, weight: one.weight },
        appId: one.appId,
        ...(app === undefined ? {} : { app }),
      };
      return this.#targets(one, one.type, one.port).map((target) => ({ ...target, ...more }));
    });
  }
}
