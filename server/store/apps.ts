import { and, eq } from "./drizzle.ts";
import { AppError } from "../core/errors.ts";
import type { AppId, AppName, ProcessType, SpaceName } from "../core/ids.ts";
import type { App, Checks, ConfigVars, FormationEntry } from "../core/types.ts";
import type { Db } from "./open.ts";
import { apps, formation, settings, spaces } from "./schema.ts";
import type { Sealer } from "../core/seal.ts";

type Row = typeof apps.$inferSelect;

export type AppStore = ReturnType<typeof createAppStore>;

/** Apps with their config vars, checks and formation. Synchronous; each call is one short transaction. */
export function createAppStore(db: Db, sealer: Sealer) {
  const byName = (name: string) => db.select().from(apps).where(eq(apps.name, name)).get();
  const byId = (id: AppId) => db.select().from(apps).where(eq(apps.id, id)).get();
  const rowOf = (id: AppId): Row => {
    const row = byId(id);
    if (row === undefined) throw new AppError("APP_NOT_FOUND", { name: id });
    return row;
  };

  return {
    list: (): readonly App[] => db.select().from(apps).orderBy(apps.name).all().map(toApp),

    find(name: string): App | undefined {
      const row = byName(name);
      return row === undefined || row.destroying ? undefined : toApp(row);
    },

    /** @throws AppError APP_NOT_FOUND */
    get(name: string): App {
      const row = byName(name);
      if (row === undefined || row.destroying) throw new AppError("APP_NOT_FOUND", { name });
      return toApp(row);
    },

    getById(id: AppId): App | undefined {
      const row = byId(id);
      return row === undefined ? undefined : toApp(row);
    },

    /** Being destroyed. */
    isGoing: (id: AppId): boolean => byId(id)?.destroying ?? false,

    /** Apps whose removal a crash interrupted. */
    listDestroying: (): readonly App[] => db.select().from(apps).where(eq(apps.destroying, true)).all().map(toApp),

    /** @throws AppError APP_EXISTS */
    insert(app: App): void {
      if (byName(app.name) !== undefined) throw new AppError("APP_EXISTS", { name: app.name });
      db.insert(spaces).values({ name: app.space, createdAt: app.createdAt }).onConflictDoNothing().run();
      db.insert(apps)
        .values({ ...app, deployBranch: app.deployBranch ?? null, configSealed: sealer.seal({}), checks: {} })
        .run();
    },

    rename(id: AppId, to: AppName): void {
      if (byName(to) !== undefined) throw new AppError("APP_EXISTS", { name: to });
      db.update(apps).set({ name: to }).where(eq(apps.id, id)).run();
    },

    setDeployBranch: (id: AppId, branch: string) =>
      void db.update(apps).set({ deployBranch: branch }).where(eq(apps.id, id)).run(),
    setStopped: (id: AppId, stopped: boolean) => void db.update(apps).set({ stopped }).where(eq(apps.id, id)).run(),
    markDestroying: (id: AppId) => void db.update(apps).set({ destroying: true }).where(eq(apps.id, id)).run(),
    delete: (id: AppId) => void db.delete(apps).where(eq(apps.id, id)).run(),

    config: (id: AppId): ConfigVars => sealer.open<ConfigVars>(rowOf(id).configSealed),
    setConfig: (id: AppId, config: ConfigVars) =>
      void db
        .update(apps)
        .set({ configSealed: sealer.seal(config) })
        .where(eq(apps.id, id))
        .run(),

    checks: (id: AppId) => rowOf(id).checks as Readonly<Record<string, Checks>>,
    setChecks: (id: AppId, checks: Readonly<Record<string, Checks>>) =>
      void db.update(apps).set({ checks }).where(eq(apps.id, id)).run(),

    formation: (id: AppId): readonly FormationEntry[] =>
      db.select().from(formation).where(eq(formation.appId, id)).all().map(toEntry),

    setFormation: (id: AppId, entry: FormationEntry): void => upsertFormation(db, id, entry),

    removeFormation: (id: AppId, type: ProcessType) =>
      void db
        .delete(formation)
        .where(and(eq(formation.appId, id), eq(formation.type, type)))
        .run(),

    /** A value that is made once per installation. */
    setting(key: string, make: () => string): string {
      const row = db.select().from(settings).where(eq(settings.key, key)).get();
      if (row !== undefined) return row.value;
      const value = make();
      db.insert(settings).values({ key, value }).run();
      return value;
    },
  };
}

/** Within a transaction too. */
export function upsertFormation(db: Pick<Db, "insert">, appId: AppId, entry: FormationEntry): void {
  const values = { count: entry.count, memoryMb: entry.memoryMb, cpus: Math.round(entry.cpus * 1000) };
  db.insert(formation)
    .values({ appId, type: entry.type, ...values })
    .onConflictDoUpdate({ target: [formation.appId, formation.type], set: values })
    .run();
}

function toApp(row: Row): App {
  return {
    id: row.id as AppId,
    name: row.name as AppName,
    space: row.space as SpaceName,
    deployBranch: row.deployBranch ?? undefined,
    stopped: row.stopped,
    createdAt: row.createdAt,
  };
}

function toEntry(row: typeof formation.$inferSelect): FormationEntry {
  return { type: row.type as ProcessType, count: row.count, memoryMb: row.memoryMb, cpus: row.cpus / 1000 };
}
