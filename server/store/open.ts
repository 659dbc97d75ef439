import { copyFileSync, existsSync, readFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import type { BetterSQLite3Database } from "drizzle-orm/better-sqlite3";
import { AppError } from "../core/errors.ts";
import { drizzle, migrate } from "./drizzle.ts";

export type Db = BetterSQLite3Database<Record<string, never>>;

export interface OpenDatabase extends Disposable {
  readonly db: Db;
  /** Copy of the file taken before a migration, when one was needed. */
  readonly backup: string | undefined;
}

interface Journal {
  readonly entries: readonly { readonly when: number; readonly tag: string }[];
}

const migrationsFolder = path.join(import.meta.dirname, "..", "..", "migrations");

/**
 * Opens the state file and brings it to this version's schema.
 * Guards around drizzle's migrator: foreign keys are off while tables may be rebuilt and checked afterwards, the number
 * of applied migrations must match the journal, and the file is copied first.
 *
 * @throws AppError STATE_TOO_NEW for a home that a newer version wrote; STATE_DAMAGED when a check fails
 */
export function openDatabase(file: string, folder: string = migrationsFolder): OpenDatabase {
  const isNew = !existsSync(file);
  const sqlite = new Database(file, { timeout: 5000 });
  try {
    sqlite.pragma("journal_mode = WAL");
    sqlite.pragma("synchronous = NORMAL");
    const backup = migrateGuarded(sqlite, file, folder, isNew);
    sqlite.pragma("foreign_keys = ON");
    return { db: drizzle(sqlite), backup, [Symbol.dispose]: () => sqlite.close() };
  } catch (err) {
    sqlite.close();
    throw err;
  }
}

function migrateGuarded(sqlite: Database.Database, file: string, folder: string, isNew: boolean): string | undefined {
  const journal = JSON.parse(readFileSync(path.join(folder, "meta", "_journal.json"), "utf8")) as Journal;
  const applied = countApplied(sqlite);
  if (applied > journal.entries.length) throw new AppError("STATE_TOO_NEW", { file });
  if (applied === journal.entries.length) return undefined;
  assertAscending(journal, file);
  const backup = isNew ? undefined : copyAside(sqlite, file, applied);
  sqlite.pragma("foreign_keys = OFF");
  migrate(drizzle(sqlite), { migrationsFolder: folder });
  const broken = sqlite.pragma("foreign_key_check") as unknown[];
  if (broken.length > 0 || countApplied(sqlite) !== journal.entries.length) {
    throw new AppError("STATE_DAMAGED", { file, backup: backup ?? "none" });
  }
  return backup;
}

/** The migrator skips an entry that is older than the last applied one without a word. */
function assertAscending(journal: Journal, file: string): void {
  const times = journal.entries.map((entry) => entry.when);
  if (times.some((when, i) => i > 0 && when <= (times[i - 1] ?? 0))) {
    throw new AppError("STATE_DAMAGED", { file, backup: "none" });
  }
}

function countApplied(sqlite: Database.Database): number {
  const table = sqlite.prepare("select 1 from sqlite_master where name = '__drizzle_migrations'").get();
  if (table === undefined) return 0;
  const row = sqlite.prepare("select count(*) as n from __drizzle_migrations").get() as { n: number };
  return row.n;
}

function copyAside(sqlite: Database.Database, file: string, applied: number): string {
  sqlite.pragma("wal_checkpoint(TRUNCATE)");
  const copy = `${file}.before-migration-${applied + 1}`;
  copyFileSync(file, copy);
  return copy;
}
