import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { isAppError } from "../../../server/core/errors.ts";
import type { AppId, AppName, SpaceName } from "../../../server/core/ids.ts";
import { createAppSettingsStore } from "../../../server/store/app-settings.ts";
import { createAppStore } from "../../../server/store/apps.ts";
import { lockHome } from "../../../server/store/lock.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { createSealer } from "../../../server/core/seal.ts";
import { loadSecretKey } from "../../../server/store/seal.ts";

const migrations = path.join(import.meta.dirname, "..", "..", "..", "migrations");
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "paas-store-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const shop = {
  id: "a1" as AppId,
  name: "shop" as AppName,
  space: "default" as SpaceName,
  deployBranch: undefined,
  stopped: false,
  createdAt: 1,
};

/** A migrations folder with one more step than this version's. */
function withExtraMigration(sql: string, when: (last: number) => number): string {
  const folder = path.join(dir, "migrations");
  cpSync(migrations, folder, { recursive: true });
  const file = path.join(folder, "meta", "_journal.json");
  const journal = JSON.parse(readFileSync(file, "utf8")) as { entries: { idx: number; when: number; tag: string }[] };
  const last = journal.entries.at(-1);
  journal.entries.push({
    ...journal.entries[0],
    idx: journal.entries.length,
    when: when(last?.when ?? 0),
    tag: "9999_extra",
  } as never);
  writeFileSync(file, JSON.stringify(journal));
  writeFileSync(path.join(folder, "9999_extra.sql"), sql);
  return folder;
}

test("a new home gets the schema, and opening it again changes nothing", () => {
  const file = path.join(dir, "paas.db");
  using first = openDatabase(file);
  expect(first.backup).toBeUndefined();
  const sealer = createSealer(loadSecretKey(path.join(dir, "key")));
  createAppStore(first.db, sealer).insert(shop);
  using second = openDatabase(file);
  expect(createAppStore(second.db, sealer).get("shop")).toEqual(shop);
});

test("a setting of an app is kept, replaced and gone with the app; a value that does not fit its schema counts as none", () => {
  using state = openDatabase(path.join(dir, "paas.db"));
  const apps = createAppStore(state.db, createSealer(loadSecretKey(path.join(dir, "key"))));
  const appSettings = createAppSettingsStore(state.db);
  apps.insert(shop);
  appSettings.set(shop.id, "build", { root: "web" });
  appSettings.set(shop.id, "build", { root: "api" });
  expect(appSettings.get(shop.id, "build", z.object({ root: z.string() }))).toEqual({ root: "api" });
  expect(appSettings.get(shop.id, "build", z.string())).toBeUndefined();
  apps.delete(shop.id);
  expect(appSettings.get(shop.id, "build", z.unknown())).toBeUndefined();
});

test("a home that an older version wrote is migrated, its rows kept even where a table is rebuilt, and copied first", () => {
  const file = path.join(dir, "paas.db");
  const sealer = createSealer(loadSecretKey(path.join(dir, "key")));
  {
    using old = openDatabase(file);
    const apps = createAppStore(old.db, sealer);
    apps.insert(shop);
    apps.setFormation(shop.id, { type: "web" as never, count: 2, memoryMb: 512, cpus: 1 });
  }
  const rebuild = [
    "CREATE TABLE `spaces_new` (`name` text PRIMARY KEY NOT NULL, `created_at` integer NOT NULL, `note` text);",
    "INSERT INTO `spaces_new` (`name`, `created_at`) SELECT `name`, `created_at` FROM `spaces`;",
    "DROP TABLE `spaces`;",
    "ALTER TABLE `spaces_new` RENAME TO `spaces`;",
  ].join("--> statement-breakpoint\n");
  using migrated = openDatabase(
    file,
    withExtraMigration(rebuild, (last) => last + 1),
  );
  const apps = createAppStore(migrated.db, sealer);
  expect(apps.get("shop")).toEqual(shop);
  expect(apps.formation(shop.id)).toHaveLength(1);
  expect(migrated.backup).toBeDefined();
  const copy = new Database(migrated.backup ?? "");
  expect(copy.prepare("select count(*) as n from apps").get()).toEqual({ n: 1 });
  copy.close();
});

test("a migration that the migrator would skip without a word is refused", () => {
  const file = path.join(dir, "paas.db");
  openDatabase(file)[Symbol.dispose]();
  const folder = withExtraMigration("CREATE TABLE `x` (`y` text);", () => 1);
  expect(() => openDatabase(file, folder)).toThrowError(/could not be brought/);
});

test("a home that a newer version wrote is left alone", () => {
  const file = path.join(dir, "paas.db");
  const folder = withExtraMigration("CREATE TABLE `x` (`y` text);", (last) => last + 1);
  openDatabase(file, folder)[Symbol.dispose]();
  expect(() => openDatabase(file)).toThrowError(/newer version/);
});

test("config vars are not in the file in the clear", () => {
  const file = path.join(dir, "paas.db");
  const opened = openDatabase(file);
  const apps = createAppStore(opened.db, createSealer(loadSecretKey(path.join(dir, "key"))));
  apps.insert(shop);
  apps.setConfig(shop.id, { PASSWORD: "correct-horse-battery" });
  expect(apps.config(shop.id)).toEqual({ PASSWORD: "correct-horse-battery" });
  opened[Symbol.dispose]();
  expect(readFileSync(file).includes("correct-horse-battery")).toBe(false);
});

test("what was sealed with another key is not opened", () => {
  const sealed = createSealer(loadSecretKey(path.join(dir, "one"))).seal({ a: 1 });
  const other = createSealer(loadSecretKey(path.join(dir, "two")));
  expect(() => other.open(sealed)).toThrow(/authenticate/);
});

test("a home has one owner at a time", () => {
  const pidFile = path.join(dir, "paasd.pid");
  writeFileSync(pidFile, "4711\n");
  const lock = lockHome(dir, pidFile);
  let caught: unknown;
  try {
    lockHome(dir, pidFile);
  } catch (err) {
    caught = err;
  }
  expect(isAppError(caught, "DAEMON_RUNNING") && caught.message).toContain("4711");
  lock[Symbol.dispose]();
  lockHome(dir, pidFile)[Symbol.dispose]();
});
