import { and, asc, eq } from "./drizzle.ts";
import type { AppId, ProcessType, SpaceName } from "../core/ids.ts";
import type { Route } from "../core/types.ts";
import type { Db } from "./open.ts";
import { routes, routeShares, tcpRoutes } from "./schema.ts";

export type RouteStore = ReturnType<typeof createRouteStore>;

export function createRouteStore(db: Db) {
  return {
    list: (): readonly Route[] =>
      db.select().from(routes).orderBy(asc(routes.host), asc(routes.path)).all().map(toRoute),
    listOf: (appId: AppId): readonly Route[] =>
      db.select().from(routes).where(eq(routes.appId, appId)).orderBy(asc(routes.createdAt)).all().map(toRoute),
    /** Process types of the app that a port or another app's route leads to. */
    servedTypes(appId: AppId): readonly string[] {
      const shared = db.select({ type: routeShares.type }).from(routeShares).where(eq(routeShares.appId, appId)).all();
      const ports = db.select({ type: tcpRoutes.type }).from(tcpRoutes).where(eq(tcpRoutes.appId, appId)).all();
      return [...shared, ...ports].map((row) => row.type);
    },
    find(host: string, path: string): Route | undefined {
      const row = db
        .select()
        .from(routes)
        .where(and(eq(routes.host, host), eq(routes.path, path)))
        .get();
      return row === undefined ? undefined : toRoute(row);
    },
    insert: (route: Route, at: number) =>
      void db
        .insert(routes)
        .values({ ...route, appId: route.appId ?? null, port: route.port ?? null, createdAt: at })
        .run(),
    map: (id: string, target: Pick<Route, "appId" | "type" | "port" | "weight">) =>
      void db
        .update(routes)
        .set({
          appId: target.appId ?? null,
          type: target.type,
          port: target.port ?? null,
          weight: target.weight ?? null,
        })
        .where(eq(routes.id, id))
        .run(),
    rehost: (id: string, host: string) => void db.update(routes).set({ host }).where(eq(routes.id, id)).run(),
    delete: (id: string) => void db.delete(routes).where(eq(routes.id, id)).run(),
    deleteOf: (appId: AppId) => void db.delete(routes).where(eq(routes.appId, appId)).run(),
  };
}

function toRoute(row: typeof routes.$inferSelect): Route {
  return {
    id: row.id,
    host: row.host,
    path: row.path,
    space: row.space as SpaceName,
    appId: (row.appId ?? undefined) as AppId | undefined,
    type: row.type as ProcessType,
    port: row.port ?? undefined,
    weight: row.weight ?? undefined,
  };
}
