import { eq } from "./drizzle.ts";
import type { AcmeAccount, Certificate, KeyPair, NameRecord } from "../routes/certs/types.ts";
import type { Db } from "./open.ts";
import { acmeAccounts, certificateNames, certificates } from "./schema.ts";
import type { Sealer } from "../core/seal.ts";

export type CertificateStore = ReturnType<typeof createCertificateStore>;

/** Certificates, what is known about names, and accounts at CAs. Private keys are sealed. */
export function createCertificateStore(db: Db, sealer: Sealer) {
  const blank = { auto: null, failures: 0, problem: null, retryAt: null };
  return {
    list: (): readonly Certificate[] => db.select().from(certificates).all().map(toCertificate),

    /** @throws when there is none of that id */
    keyPair(id: string): KeyPair {
      const row = db.select().from(certificates).where(eq(certificates.id, id)).get();
      if (row === undefined) throw new Error(`no certificate ${id}`);
      return { chain: row.chain, key: sealer.open<string>(row.keySealed) };
    },

    /** In one step: what it replaces goes as it comes. */
    replace(certificate: Certificate, pair: KeyPair, replaced: readonly string[]): void {
      db.transaction((tx) => {
        for (const id of replaced) tx.delete(certificates).where(eq(certificates.id, id)).run();
        const row = { ...certificate, chain: pair.chain, keySealed: sealer.seal(pair.key) };
        tx.insert(certificates).values(row).run();
      });
    },

    remove: (id: string) => void db.delete(certificates).where(eq(certificates.id, id)).run(),

    records: (): readonly NameRecord[] => db.select().from(certificateNames).all().map(toRecord),

    note(name: string, change: Partial<Omit<NameRecord, "name">>): void {
      const set = {
        ...("auto" in change ? { auto: change.auto ?? null } : {}),
        ...("failures" in change ? { failures: change.failures ?? 0 } : {}),
        ...("problem" in change ? { problem: change.problem ?? null } : {}),
        ...("retryAt" in change ? { retryAt: change.retryAt ?? null } : {}),
      };
      db.insert(certificateNames)
        .values({ name, ...blank, ...set })
        .onConflictDoUpdate({ target: certificateNames.name, set })
        .run();
    },

    account(directory: string): AcmeAccount | undefined {
      const row = db.select().from(acmeAccounts).where(eq(acmeAccounts.directory, directory)).get();
      if (row === undefined) return undefined;
      return { directory, url: row.url ?? undefined, key: sealer.open<string>(row.keySealed) };
    },

    saveAccount({ directory, url, key }: AcmeAccount): void {
      const set = { url: url ?? null, keySealed: sealer.seal(key) };
      db.insert(acmeAccounts)
        .values({ directory, ...set })
        .onConflictDoUpdate({ target: acmeAccounts.directory, set })
        .run();
    },
  };
}

function toCertificate(row: typeof certificates.$inferSelect): Certificate {
  const { id, issuer, notBefore, notAfter, createdAt } = row;
  const names = row.names as readonly string[];
  return { id, names, source: row.source as Certificate["source"], issuer, notBefore, notAfter, createdAt };
}

function toRecord(row: typeof certificateNames.$inferSelect): NameRecord {
  return {
    name: row.name,
    auto: row.auto ?? undefined,
    failures: row.failures,
    problem: row.problem ?? undefined,
    retryAt: row.retryAt ?? undefined,
  };
}
