import { asc, desc, eq } from "./drizzle.ts";
import type { Instant } from "../core/types.ts";
import type { Db } from "./open.ts";
import { audit, keys, tokens, users } from "./schema.ts";

export interface UserRow {
  readonly name: string;
  readonly role: string;
  readonly createdAt: Instant;
}

export interface KeyRow {
  readonly fingerprint: string;
  readonly user: string;
  readonly title: string;
  /** Algorithm and key, as in a .pub file. */
  readonly publicKey: string;
  readonly createdAt: Instant;
}

export interface TokenRow {
  readonly id: string;
  readonly user: string;
  readonly title: string;
  /** SHA-256, hex. */
  readonly hash: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant | undefined;
}

export interface AuditRow {
  readonly at: Instant;
  readonly actor: string;
  readonly verb: string;
  readonly resource: string;
}

export type AuthStore = ReturnType<typeof createAuthStore>;

/** Users with their keys and tokens, and the audit trail. A user who is deleted takes keys and tokens along. */
export function createAuthStore(db: Db) {
  return {
    users: (): readonly UserRow[] => db.select().from(users).orderBy(asc(users.name)).all(),
    user: (name: string): UserRow | undefined => db.select().from(users).where(eq(users.name, name)).get(),
    insertUser: (row: UserRow) => void db.insert(users).values(row).run(),
    setRole: (name: string, role: string) => void db.update(users).set({ role }).where(eq(users.name, name)).run(),
    deleteUser: (name: string) => void db.delete(users).where(eq(users.name, name)).run(),

    keys: (): readonly KeyRow[] => db.select().from(keys).orderBy(asc(keys.createdAt)).all(),
    key: (fingerprint: string): KeyRow | undefined =>
      db.select().from(keys).where(eq(keys.fingerprint, fingerprint)).get(),
    insertKey: (row: KeyRow) => void db.insert(keys).values(row).run(),
    deleteKey: (fingerprint: string) => void db.delete(keys).where(eq(keys.fingerprint, fingerprint)).run(),

    tokens: (): readonly TokenRow[] => db.select().from(tokens).orderBy(asc(tokens.createdAt)).all().map(toToken),
    token(id: string): TokenRow | undefined {
      const row = db.select().from(tokens).where(eq(tokens.id, id)).get();
      return row === undefined ? undefined : toToken(row);
    },
    tokenByHash(hash: string): TokenRow | undefined {
      const row = db.select().from(tokens).where(eq(tokens.hash, hash)).get();
      return row === undefined ? undefined : toToken(row);
    },
    insertToken: (row: TokenRow) =>
      void db
        .insert(tokens)
        .values({ ...row, expiresAt: row.expiresAt ?? null })
        .run(),
    deleteToken: (id: string) => void db.delete(tokens).where(eq(tokens.id, id)).run(),

    record: (row: AuditRow) => void db.insert(audit).values(row).run(),
    /** The newest first. */
    audit: (limit: number): readonly AuditRow[] =>
      db
        .select({ at: audit.at, actor: audit.actor, verb: audit.verb, resource: audit.resource })
        .from(audit)
        .orderBy(desc(audit.id))
        .limit(limit)
        .all(),
  };
}

function toToken(row: typeof tokens.$inferSelect): TokenRow {
  return { ...row, expiresAt: row.expiresAt ?? undefined };
}
