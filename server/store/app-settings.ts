import { and, eq } from "./drizzle.ts";
import type { z } from "zod";
import type { AppId } from "../core/ids.ts";
import type { Db } from "./open.ts";
import { appSettings } from "./schema.ts";

export type AppSettingsStore = ReturnType<typeof createAppSettingsStore>;

/** One JSON value per app and key. The part that owns a key brings its schema; a value that does not fit is as good as none. */
export function createAppSettingsStore(db: Db) {
  const at = (id: AppId, key: string) => and(eq(appSettings.appId, id), eq(appSettings.key, key));
  return {
    get<T>(id: AppId, key: string, schema: z.ZodType<T>): T | undefined {
      const row = db.select().from(appSettings).where(at(id, key)).get();
      return row === undefined ? undefined : schema.safeParse(row.value).data;
    },

    set(id: AppId, key: string, value: unknown): void {
      db.insert(appSettings)
        .values({ appId: id, key, value })
        .onConflictDoUpdate({ target: [appSettings.appId, appSettings.key], set: { value } })
        .run();
    },

    unset: (id: AppId, key: string) => void db.delete(appSettings).where(at(id, key)).run(),
  };
}
