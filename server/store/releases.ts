import { and, desc, eq, max } from "./drizzle.ts";
import type { AppId } from "../core/ids.ts";
import type {
  Build,
  Checks,
  ConfigVars,
  Droplet,
  DropletContent,
  FormationEntry,
  Generation,
  ProcessCommand,
  Release,
  Source,
} from "../core/types.ts";
import type { Db } from "./open.ts";
import { upsertFormation } from "./apps.ts";
import { apps, builds, droplets, generations, releases } from "./schema.ts";
import type { Sealer } from "../core/seal.ts";

export type ReleaseStore = ReturnType<typeof createReleaseStore>;

/** A generation with what its instances get from bindings, fixed when it was made. */
export interface GenerationRecord extends Generation {
  readonly status: "active" | "succeeded" | "failed";
  readonly bindingEnv: ConfigVars;
}

/** Builds, droplets, releases and generations: the history, and which of it is current. */
export function createReleaseStore(db: Db, sealer: Sealer) {
  const toRelease = (row: typeof releases.$inferSelect): Release => ({
    appId: row.appId as AppId,
    version: row.version,
    dropletId: row.dropletId,
    commit: row.commit,
    config: sealer.open<ConfigVars>(row.configSealed),
    processes: row.processes as readonly ProcessCommand[],
    checks: row.checks as Readonly<Record<string, Checks>>,
    description: row.description,
    actor: row.actor,
    status: row.status as Release["status"],
    reason: row.reason ?? undefined,
    createdAt: row.createdAt,
  });
  const toGeneration = (row: typeof generations.$inferSelect): GenerationRecord => ({
    id: row.id,
    appId: row.appId as AppId,
    version: row.version,
    createdAt: row.createdAt,
    cohorts: row.cohorts as Readonly<Record<string, string>>,
    formation: (row.formation as readonly FormationEntry[] | null) ?? undefined,
    status: row.status as GenerationRecord["status"],
    bindingEnv: sealer.open<ConfigVars>(row.bindingEnvSealed),
  });

  return {
    insertBuild(build: Omit<Build, "number">): Build {
      const last = db
        .select({ n: max(builds.number) })
        .from(builds)
        .where(eq(builds.appId, build.appId))
        .get();
      const number = (last?.n ?? 0) + 1;
      db.insert(builds)
        .values({ ...build, number, reason: build.reason ?? null, finishedAt: build.finishedAt ?? null })
        .run();
      return { ...build, number };
    },
    finishBuild: (id: string, status: Build["status"], reason: string | undefined, at: number) =>
      void db
        .update(builds)
        .set({ status, reason: reason ?? null, finishedAt: at })
        .where(eq(builds.id, id))
        .run(),
    /** Of a source that is known only once it is there. */
    setBuildCommit: (id: string, commit: string) =>
      void db.update(builds).set({ commit }).where(eq(builds.id, id)).run(),
    setBuildStatus: (id: string, status: Build["status"]) =>
      void db.update(builds).set({ status }).where(eq(builds.id, id)).run(),
    builds: (appId: AppId): readonly Build[] =>
      db.select().from(builds).where(eq(builds.appId, appId)).orderBy(desc(builds.number)).all().map(toBuild),
    /** Builds that a daemon left unfinished. */
    unfinishedBuilds: (): readonly Build[] =>
      db
        .select()
        .from(builds)
        .all()
        .map(toBuild)
        .filter((build) => build.status === "queued" || build.status === "running"),

    insertDroplet(droplet: Droplet): void {
      const { id, appId, buildId, commit, createdAt, ...content } = droplet;
      db.insert(droplets).values({ id, appId, buildId, commit, createdAt, imageId: droplet.imageId, content }).run();
    },
    droplet(id: string): Droplet | undefined {
      const row = db.select().from(droplets).where(eq(droplets.id, id)).get();
      return row === undefined ? undefined : toDroplet(row);
    },
    droplets: (appId: AppId): readonly Droplet[] =>
      db.select().from(droplets).where(eq(droplets.appId, appId)).all().map(toDroplet),
    allDroplets: (): readonly Droplet[] => db.select().from(droplets).all().map(toDroplet),
    deleteDroplet: (id: string) => void db.delete(droplets).where(eq(droplets.id, id)).run(),

    /** Gives the release its number: one more than the highest of the app, failed ones included. */
    insertRelease(release: Omit<Release, "version" | "status" | "reason">): Release {
      const last = db
        .select({ n: max(releases.version) })
        .from(releases)
        .where(eq(releases.appId, release.appId))
        .get();
      const version = (last?.n ?? 0) + 1;
      const { config, ...rest } = release;
      db.insert(releases)
        .values({ ...rest, version, configSealed: sealer.seal(config), status: "pending" })
        .run();
      return { ...release, version, status: "pending", reason: undefined };
    },
    release(appId: AppId, version: number): Release | undefined {
      const row = db
        .select()
        .from(releases)
        .where(and(eq(releases.appId, appId), eq(releases.version, version)))
        .get();
      return row === undefined ? undefined : toRelease(row);
    },
    releases: (appId: AppId): readonly Release[] =>
      db.select().from(releases).where(eq(releases.appId, appId)).orderBy(desc(releases.version)).all().map(toRelease),
    /** One that has become current stays what it is. */
    failRelease: (appId: AppId, version: number, reason: string) =>
      void db
        .update(releases)
        .set({ status: "failed", reason })
        .where(and(eq(releases.appId, appId), eq(releases.version, version), eq(releases.status, "pending")))
        .run(),
    pendingReleases: (): readonly Release[] =>
      db.select().from(releases).where(eq(releases.status, "pending")).all().map(toRelease),

    insertGeneration(generation: Generation & { readonly bindingEnv: ConfigVars }): void {
      const { bindingEnv, ...rest } = generation;
      db.insert(generations)
        .values({ ...rest, status: "active", bindingEnvSealed: sealer.seal(bindingEnv) })
        .run();
    },
    generation(id: string): GenerationRecord | undefined {
      const row = db.select().from(generations).where(eq(generations.id, id)).get();
      return row === undefined ? undefined : toGeneration(row);
    },
    activeGenerations: (): readonly GenerationRecord[] =>
      db.select().from(generations).where(eq(generations.status, "active")).all().map(toGeneration),
    activeGeneration(appId: AppId): GenerationRecord | undefined {
      const row = db
        .select()
        .from(generations)
        .where(and(eq(generations.appId, appId), eq(generations.status, "active")))
        .get();
      return row === undefined ? undefined : toGeneration(row);
    },
    currentGeneration(appId: AppId): GenerationRecord | undefined {
      const row = db
        .select({ generation: generations })
        .from(apps)
        .innerJoin(generations, eq(apps.currentGeneration, generations.id))
        .where(eq(apps.id, appId))
        .get();
      return row === undefined ? undefined : toGeneration(row.generation);
    },
    /** The commit point of a deploy: before it the old release is whole, after it the new one, its config and checks included. */
    promote(generation: Generation): void {
      db.transaction((tx) => {
        tx.update(generations).set({ status: "succeeded" }).where(eq(generations.id, generation.id)).run();
        const release = tx
          .update(releases)
          .set({ status: "succeeded", reason: null })
          .where(and(eq(releases.appId, generation.appId), eq(releases.version, generation.version)))
          .returning()
          .get();
        for (const entry of generation.formation ?? []) upsertFormation(tx, generation.appId, entry);
        tx.update(apps)
          .set({ currentGeneration: generation.id, configSealed: release.configSealed, checks: release.checks })
          .where(eq(apps.id, generation.appId))
          .run();
      });
    },
    /** Ends a roll-out that did not come up. The release fails with it unless it had been current before. */
    failGeneration(generation: Generation, reason: string): void {
      db.transaction((tx) => {
        tx.update(generations).set({ status: "failed", cause: reason }).where(eq(generations.id, generation.id)).run();
        tx.update(releases)
          .set({ status: "failed", reason })
          .where(
            and(
              eq(releases.appId, generation.appId),
              eq(releases.version, generation.version),
              eq(releases.status, "pending"),
            ),
          )
          .run();
      });
    },
    generations: (appId: AppId): readonly GenerationRecord[] =>
      db.select().from(generations).where(eq(generations.appId, appId)).all().map(toGeneration),
  };
}

function toBuild(row: typeof builds.$inferSelect): Build {
  return {
    ...row,
    appId: row.appId as AppId,
    source: (row.source as Source | null) ?? { kind: "push" },
    status: row.status as Build["status"],
    reason: row.reason ?? undefined,
    finishedAt: row.finishedAt ?? undefined,
  };
}

function toDroplet(row: typeof droplets.$inferSelect): Droplet {
  return {
    ...(row.content as DropletContent),
    id: row.id,
    appId: row.appId as AppId,
    buildId: row.buildId,
    commit: row.commit,
    createdAt: row.createdAt,
  };
}
