import { eq, inArray } from "./drizzle.ts";
import type { Db } from "./open.ts";
import { buildCaches } from "./schema.ts";

export type BuildCacheStore = ReturnType<typeof createBuildCacheStore>;

export interface BuildCacheRecord {
  /** Name of a layer or system image, or `cache:APP`. */
  readonly ref: string;
  readonly usedAt: number;
  /** Of a cache, as it was measured last. */
  readonly sizeBytes: number | undefined;
}

/** When this installation's builds last used what they can use again. */
export function createBuildCacheStore(db: Db) {
  return {
    all: (): readonly BuildCacheRecord[] =>
      db
        .select()
        .from(buildCaches)
        .all()
        .map((row) => ({ ...row, sizeBytes: row.sizeBytes ?? undefined })),
    used(refs: readonly string[], at: number): void {
      for (const ref of refs) {
        db.insert(buildCaches)
          .values({ ref, usedAt: at })
          .onConflictDoUpdate({ target: buildCaches.ref, set: { usedAt: at } })
          .run();
      }
    },
    measured: (ref: string, sizeBytes: number) =>
      void db.update(buildCaches).set({ sizeBytes }).where(eq(buildCaches.ref, ref)).run(),
    forget: (refs: readonly string[]) =>
      void db
        .delete(buildCaches)
        .where(inArray(buildCaches.ref, [...refs]))
        .run(),
  };
}
