import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Accounts } from "../../../server/auth/accounts.ts";
import { Authority } from "../../../server/auth/authority.ts";
import type { Actor } from "../../../server/core/types.ts";
import { createAuthStore } from "../../../server/store/auth.ts";
import { openDatabase } from "../../../server/store/open.ts";

const run = promisify(execFile);
const owner: Actor = { kind: "owner", name: "owner" };
const ann: Actor = { kind: "user", name: "ann" };
const bob: Actor = { kind: "user", name: "bob" };
const root: Actor = { kind: "user", name: "admin" };
const start = 1_000_000;

async function openAccounts() {
  const dir = await mkdtemp(path.join(tmpdir(), "accounts-"));
  const database = openDatabase(path.join(dir, "paas.db"));
  const time = { now: start };
  const store = createAuthStore(database.db);
  const deps = { store, now: () => time.now };
  const authority = new Authority(deps);
  const accounts = new Accounts(deps, authority);
  let made = 0;
  return {
    time,
    store,
    authority,
    accounts,
    /** The fingerprint as ssh-keygen prints it, and the .pub file. */
    async key(...options: readonly string[]) {
      const file = path.join(dir, `key-${++made}`);
      const kind = options.length === 0 ? ["-t", "ed25519"] : options;
      await run("ssh-keygen", ["-q", ...kind, "-N", "", "-C", "ann@laptop", "-f", file]);
      const listed = await run("ssh-keygen", ["-lf", `${file}.pub`]);
      return { fingerprint: listed.stdout.split(" ")[1] ?? "", publicKey: await readFile(`${file}.pub`, "utf8") };
    },
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

test("tokens that have expired are forgotten", async () => {
  await using a = await openAccounts();
  const lasting = a.accounts.createToken(owner, { title: "laptop" });
  for (let i = 0; i < 3; i++) a.accounts.createToken(owner, { title: "git", expiresInMs: 1000 });
  expect(a.store.tokens()).toHaveLength(4);
  a.time.now += 1000;
  expect(a.accounts.tokens(owner).map(({ id }) => id)).toEqual([lasting.id]);
  a.accounts.createToken(owner, { title: "git", expiresInMs: 1000 });
  a.time.now += 1000;
  a.accounts.createToken(owner, { title: "git", expiresInMs: 1000 });
  expect(a.store.tokens()).toHaveLength(2);
});

test("tokens are audited, but for those of one command", async () => {
  await using a = await openAccounts();
  const lasting = a.accounts.createToken(owner, { title: "laptop" });
  const { id } = a.accounts.createToken(owner, { title: "ssh command", expiresInMs: 1000, isOneCommand: true });
  a.accounts.revokeToken(owner, id);
  a.accounts.revokeToken(owner, lasting.id);
  const tokenVerbs = a.authority.audit(10).filter(({ verb }) => verb.startsWith("tokens:"));
  expect(tokenVerbs.map(({ verb }) => verb)).toEqual([`tokens:revoke ${lasting.id}`, `tokens:create ${lasting.id}`]);
});

test("the audit trail says who did what, the newest first", async () => {
  await using a = await openAccounts();
  a.authority.record(owner, "ps:stop", { app: "shop" });
  a.time.now += 5;
  a.authority.record(ann, "ps:start", { app: "shop" });
  expect(a.authority.audit(1)).toEqual([{ at: start + 5, actor: "ann", verb: "ps:start", resource: "app shop" }]);
});

test("the owner's first key makes the admin, who comes in with it", async () => {
  await using a = await openAccounts();
  const { fingerprint, publicKey } = await a.key();
  expect(a.accounts.addKey(owner, { publicKey })).toEqual({
    fingerprint,
    user: "admin",
    title: "ann@laptop",
    createdAt: start,
  });
  expect(a.authority.byFingerprint(fingerprint)?.actor).toEqual(root);
  expect(a.authority.roleOf(root)).toBe("admin");
  expect(a.authority.byFingerprint("SHA256:none")).toBeUndefined();
});

test.for(["ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "rsa -b 2048"])(
  "a key of kind %s has the fingerprint that ssh-keygen prints",
  async (kind) => {
    await using a = await openAccounts();
    const { fingerprint, publicKey } = await a.key("-t", ...kind.split(" "));
    expect(a.accounts.addKey(owner, { publicKey }).fingerprint).toBe(fingerprint);
  },
);

test("a key belongs to one user", async () => {
  await using a = await openAccounts();
  const { publicKey, fingerprint } = await a.key();
  a.accounts.addUser(owner, { name: "ann" });
  a.accounts.addKey(owner, { publicKey, user: "ann" });
  expect(() => a.accounts.addKey(owner, { publicKey })).toThrow(expect.objectContaining({ code: "KEY_EXISTS" }));
  a.accounts.removeKey(ann, fingerprint);
  expect(a.authority.byFingerprint(fingerprint)).toBeUndefined();
  expect(() => a.accounts.removeKey(ann, fingerprint)).toThrow(expect.objectContaining({ code: "KEY_NOT_FOUND" }));
});

test("users manage their own keys and tokens, admins everybody's", async () => {
  await using a = await openAccounts();
  for (const name of ["ann", "bob"]) a.accounts.addUser(owner, { name, role: "viewer" });
  const { publicKey, fingerprint } = await a.key();
  a.accounts.addKey(ann, { publicKey, title: "laptop" });
  const forbidden = expect.objectContaining({ code: "FORBIDDEN" });
  expect(() => a.accounts.addKey(bob, { publicKey: publicKey, user: "ann" })).toThrow(forbidden);
  expect(() => a.accounts.keys(bob, "ann")).toThrow(forbidden);
  expect(a.accounts.keys(bob)).toEqual([]);
  expect(a.accounts.keys(ann).map((k) => k.title)).toEqual(["laptop"]);
  expect(a.accounts.keys(owner).map((k) => k.user)).toEqual(["ann"]);
  expect(() => a.accounts.removeKey(bob, fingerprint)).toThrow(expect.objectContaining({ code: "KEY_NOT_FOUND" }));
  const { id } = a.accounts.createToken(ann, { title: "ci" });
  expect(() => a.accounts.revokeToken(bob, id)).toThrow(expect.objectContaining({ code: "TOKEN_NOT_FOUND" }));
  expect(() => a.accounts.createToken(bob, { title: "ci", user: "ann" })).toThrow(forbidden);
  expect(() => a.accounts.addUser(ann, { name: "eve" })).toThrow(forbidden);
  expect(() => a.accounts.setRole(ann, "ann", "admin")).toThrow(forbidden);
});

test("a token works until it expires or is revoked, and is not stored", async () => {
  await using a = await openAccounts();
  a.accounts.addUser(owner, { name: "ann" });
  const short = a.accounts.createToken(ann, { title: "ci", expiresInMs: 1000 });
  const long = a.accounts.createToken(owner, { title: "laptop", user: "ann" });
  expect(a.authority.byToken(short.token)).toEqual(ann);
  expect(JSON.stringify([a.store.tokens(), a.accounts.tokens(ann)])).not.toContain(short.token);
  expect(JSON.stringify(a.accounts.tokens(ann))).not.toContain("hash");
  a.time.now = start + 1000;
  expect(a.authority.byToken(short.token)).toBeUndefined();
  expect(a.authority.byToken(long.token)).toEqual(ann);
  a.accounts.revokeToken(ann, long.id);
  expect(a.authority.byToken(long.token)).toBeUndefined();
  expect(a.authority.byToken("")).toBeUndefined();
  expect(() => a.accounts.createToken(ann, { title: "x", expiresInMs: -1 })).toThrow(
    expect.objectContaining({ code: "TOKEN_EXPIRY_INVALID" }),
  );
});

test("git's basic authentication takes the token as the password", async () => {
  await using a = await openAccounts();
  a.accounts.addUser(owner, { name: "ann" });
  const { token } = a.accounts.createToken(ann, { title: "git" });
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;
  expect(a.authority.authenticateBasic(basic(`whoever:${token}`))).toEqual(ann);
  for (const header of [undefined, "", basic(token), basic("ann:wrong"), `Bearer ${token}`]) {
    expect(a.authority.authenticateBasic(header)).toBeUndefined();
  }
});

test("a user who is removed takes keys and tokens along and may do nothing", async () => {
  await using a = await openAccounts();
  a.accounts.addUser(owner, { name: "ann" });
  const { publicKey, fingerprint } = await a.key();
  a.accounts.addKey(ann, { publicKey });
  const { token } = a.accounts.createToken(ann, { title: "ci" });
  expect(a.authority.can(ann, "app:push", { app: "shop" })).toBe(true);
  a.accounts.removeUser(owner, "ann");
  expect(a.authority.byFingerprint(fingerprint)).toBeUndefined();
  expect(a.authority.byToken(token)).toBeUndefined();
  expect(() => a.authority.requireCan(ann, "app:read", { app: "shop" })).toThrow(
    "ann may not do this (app:read on app shop)",
  );
});

test("a role can be changed and takes effect at once", async () => {
  await using a = await openAccounts();
  a.accounts.addUser(owner, { name: "ann", role: "viewer" });
  expect(a.authority.can(ann, "app:push", {})).toBe(false);
  expect(a.accounts.setRole(owner, "ann", "developer")).toMatchObject({ name: "ann", role: "developer" });
  expect(a.authority.can(ann, "app:push", {})).toBe(true);
  expect(() => a.accounts.setRole(owner, "ann", "king")).toThrow(expect.objectContaining({ code: "ROLE_INVALID" }));
});

test.for(["", "Ann", "a b", "1ann", "a/b", "a".repeat(33)])("%j is no user name", async (name) => {
  await using a = await openAccounts();
  expect(() => a.accounts.addUser(owner, { name })).toThrow(expect.objectContaining({ code: "USER_NAME_INVALID" }));
});

test("changes of access are in the audit trail, the newest first", async () => {
  await using a = await openAccounts();
  a.accounts.addUser(owner, { name: "ann" });
  const { id } = a.accounts.createToken(ann, { title: "ci" });
  a.authority.record(ann, "app:push", { app: "shop" }, start + 5);
  expect(a.store.audit(2)).toEqual([
    { at: start + 5, actor: "ann", verb: "app:push", resource: "app shop" },
    { at: start, actor: "ann", verb: `tokens:create ${id}`, resource: "user ann" },
  ]);
});
