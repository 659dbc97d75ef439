import { and, eq } from "./drizzle.ts";
import type { AppId, AppName, ServiceName, SpaceName } from "../core/ids.ts";
import type { Binding, ServiceInstance } from "../core/types.ts";
import type { Db } from "./open.ts";
import { apps, bindings, services, spaces } from "./schema.ts";
import type { Sealer } from "../core/seal.ts";

type Credentials = Readonly<Record<string, unknown>>;

/** A service with why it failed, when it did. */
export interface StoredService extends ServiceInstance {
  readonly reason: string | undefined;
}

export type ServiceStore = ReturnType<typeof createServiceStore>;

/** Services and their bindings. Synchronous; each call is one short transaction. Credentials are sealed. */
export function createServiceStore(db: Db, sealer: Sealer) {
  const toBinding = (row: typeof bindings.$inferSelect): Binding => ({
    id: row.id,
    serviceId: row.serviceId,
    appId: row.appId as AppId,
    envName: row.envName ?? undefined,
    credentials: sealer.open<Credentials>(row.credentialsSealed),
    createdAt: row.createdAt,
  });

  const insertBinding = (binding: Binding): void => {
    const { credentials, envName, ...columns } = binding;
    const sealed = { envName: envName ?? null, credentialsSealed: sealer.seal(credentials) };
    db.insert(bindings)
      .values({ ...columns, ...sealed })
      .run();
  };

  return {
    list: (): readonly StoredService[] => db.select().from(services).orderBy(services.name).all().map(toService),

    find(space: SpaceName, name: ServiceName): StoredService | undefined {
      const which = and(eq(services.space, space), eq(services.name, name));
      const row = db.select().from(services).where(which).get();
      return row === undefined ? undefined : toService(row);
    },

    insert(service: ServiceInstance, credentials: Credentials): void {
      const { space, createdAt } = service;
      db.insert(spaces).values({ name: space, createdAt }).onConflictDoNothing().run();
      db.insert(services)
        .values({ ...service, plan: service.plan ?? null, credentialsSealed: sealer.seal(credentials) })
        .run();
    },

    setStatus: (id: string, status: ServiceInstance["status"], reason?: string) =>
      void db
        .update(services)
        .set({ status, reason: reason ?? null })
        .where(eq(services.id, id))
        .run(),

    /** Fails while the service is bound. */
    remove: (id: string) => void db.delete(services).where(eq(services.id, id)).run(),

    /** What the platform itself signs in with, or what the user gave. */
    credentials(id: string): Credentials {
      const row = db.select().from(services).where(eq(services.id, id)).get();
      return row === undefined ? {} : sealer.open<Credentials>(row.credentialsSealed);
    },

    binding(serviceId: string, appId: AppId): Binding | undefined {
      const which = and(eq(bindings.serviceId, serviceId), eq(bindings.appId, appId));
      const row = db.select().from(bindings).where(which).get();
      return row === undefined ? undefined : toBinding(row);
    },

    bindingsOf: (serviceId: string): readonly Binding[] =>
      db.select().from(bindings).where(eq(bindings.serviceId, serviceId)).all().map(toBinding),

    /** An app's bindings with their services, in the order in which they were made. */
    bindingsOfApp: (appId: AppId): readonly { readonly service: StoredService; readonly binding: Binding }[] =>
      db
        .select()
        .from(bindings)
        .innerJoin(services, eq(services.id, bindings.serviceId))
        .where(eq(bindings.appId, appId))
        .orderBy(bindings.createdAt, bindings.id)
        .all()
        .map((row) => ({ service: toService(row.services), binding: toBinding(row.bindings) })),

    /** Who is bound to a service, by name. */
    boundApps: (serviceId: string): readonly { readonly app: AppName; readonly envName: string | undefined }[] =>
      db
        .select({ app: apps.name, envName: bindings.envName })
        .from(bindings)
        .innerJoin(apps, eq(apps.id, bindings.appId))
        .where(eq(bindings.serviceId, serviceId))
        .orderBy(apps.name)
        .all()
        .map((row) => ({ app: row.app as AppName, envName: row.envName ?? undefined })),

    /** Adds a binding whose variable is decided from those that the app has already. */
    bind(binding: Omit<Binding, "envName">, choose: (taken: ReadonlySet<string>) => string | undefined): Binding {
      const which = eq(bindings.appId, binding.appId);
      const rows = db.select({ envName: bindings.envName }).from(bindings).where(which).all();
      const made = { ...binding, envName: choose(new Set(rows.flatMap((row) => row.envName ?? []))) };
      insertBinding(made);
      return made;
    },

    /** Puts back a binding as it was. */
    rebind: insertBinding,

    unbind: (bindingId: string) => void db.delete(bindings).where(eq(bindings.id, bindingId)).run(),
  };
}

function toService(row: typeof services.$inferSelect): StoredService {
  return {
    id: row.id,
    name: row.name as ServiceName,
    space: row.space as SpaceName,
    offering: row.offering,
    plan: row.plan ?? undefined,
    status: row.status as ServiceInstance["status"],
    reason: row.reason ?? undefined,
    createdAt: row.createdAt,
  };
}
