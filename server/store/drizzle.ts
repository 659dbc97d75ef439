import { createRequire } from "node:module";

// As ES modules the same code takes 10 MB more of the daemon's memory for good: hundreds of files are parsed before the
// first runs. What the store needs of the package is named here.
const load = createRequire(import.meta.url);
const orm = load("drizzle-orm") as typeof import("drizzle-orm");
const core = load("drizzle-orm/sqlite-core") as typeof import("drizzle-orm/sqlite-core");
const driver = load("drizzle-orm/better-sqlite3") as typeof import("drizzle-orm/better-sqlite3");
const migrator = load("drizzle-orm/better-sqlite3/migrator") as typeof import("drizzle-orm/better-sqlite3/migrator");

export const { and, asc, desc, eq, inArray, lte, max, ne } = orm;
export const { integer, primaryKey, sqliteTable, text, uniqueIndex } = core;
export const { drizzle } = driver;
export const { migrate } = migrator;
