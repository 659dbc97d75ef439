import type { AppId, ProcessType, SpaceName } from "../core/ids.ts";
import type { RouteShare, TcpRoute } from "../core/types.ts";
import type { RoutePolicy } from "../router/policy/route-policy.ts";
import { asc, and, eq } from "./drizzle.ts";
import type { Db } from "./open.ts";
import { routePolicies, routeShares, tcpRoutes } from "./schema.ts";
import type { Sealer } from "../core/seal.ts";

export type RoutePolicyStore = ReturnType<typeof createRoutePolicyStore>;

/** Policies by route id. Opened once: all of them are read whenever a table is published. */
export function createRoutePolicyStore(db: Db, sealer: Sealer) {
  const opened = new Map<string, { readonly sealed: string; readonly policy: RoutePolicy }>();
  const open = (routeId: string, sealed: string): RoutePolicy => {
    const known = opened.get(routeId);
    if (known?.sealed === sealed) return known.policy;
    const policy = sealer.open<RoutePolicy>(sealed);
    opened.set(routeId, { sealed, policy });
    return policy;
  };
  return {
    all: (): ReadonlyMap<string, RoutePolicy> =>
      new Map(
        db
          .select()
          .from(routePolicies)
          .all()
          .map((row) => [row.routeId, open(row.routeId, row.policySealed)]),
      ),

    get(routeId: string): RoutePolicy | undefined {
      const row = db.select().from(routePolicies).where(eq(routePolicies.routeId, routeId)).get();
      return row === undefined ? undefined : open(routeId, row.policySealed);
    },

    set(routeId: string, policy: RoutePolicy | undefined): void {
      if (policy === undefined) {
        db.delete(routePolicies).where(eq(routePolicies.routeId, routeId)).run();
        return;
      }
      const policySealed = sealer.seal(policy);
      db.insert(routePolicies)
        .values({ routeId, policySealed })
        .onConflictDoUpdate({ target: routePolicies.routeId, set: { policySealed } })
        .run();
    },
  };
}

export type RouteShareStore = ReturnType<typeof createRouteShareStore>;

export function createRouteShareStore(db: Db) {
  const at = (routeId: string, appId: AppId) => and(eq(routeShares.routeId, routeId), eq(routeShares.appId, appId));
  return {
    list: (): readonly RouteShare[] => db.select().from(routeShares).all().map(toShare),
    set(share: RouteShare): void {
      const { routeId, appId, ...rest } = share;
      const values = { ...rest, port: share.port ?? null };
      db.insert(routeShares)
        .values({ routeId, appId, ...values })
        .onConflictDoUpdate({ target: [routeShares.routeId, routeShares.appId], set: values })
        .run();
    },
    delete: (routeId: string, appId: AppId) => db.delete(routeShares).where(at(routeId, appId)).run().changes > 0,
  };
}

export type TcpRouteStore = ReturnType<typeof createTcpRouteStore>;

export function createTcpRouteStore(db: Db) {
  return {
    list: (): readonly TcpRoute[] => db.select().from(tcpRoutes).orderBy(asc(tcpRoutes.listenPort)).all().map(toTcp),
    find(listenPort: number): TcpRoute | undefined {
      const row = db.select().from(tcpRoutes).where(eq(tcpRoutes.listenPort, listenPort)).get();
      return row === undefined ? undefined : toTcp(row);
    },
    set(route: TcpRoute, at: number): void {
      const { listenPort, ...rest } = route;
      const values = {
        ...rest,
        appId: route.appId ?? null,
        port: route.port ?? null,
        proxyProtocol: route.proxyProtocol ?? null,
      };
      db.insert(tcpRoutes)
        .values({ listenPort, ...values, createdAt: at })
        .onConflictDoUpdate({ target: tcpRoutes.listenPort, set: values })
        .run();
    },
    delete: (listenPort: number) => void db.delete(tcpRoutes).where(eq(tcpRoutes.listenPort, listenPort)).run(),
  };
}

function toShare(row: typeof routeShares.$inferSelect): RouteShare {
  return { ...row, appId: row.appId as AppId, type: row.type as ProcessType, port: row.port ?? undefined };
}

function toTcp(row: typeof tcpRoutes.$inferSelect): TcpRoute {
  return {
    listenPort: row.listenPort,
    space: row.space as SpaceName,
    appId: (row.appId ?? undefined) as AppId | undefined,
    type: row.type as ProcessType,
    port: row.port ?? undefined,
    proxyProtocol: row.proxyProtocol === "v1" || row.proxyProtocol === "v2" ? row.proxyProtocol : undefined,
  };
}
