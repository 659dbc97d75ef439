import { AppError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import type { Actor } from "../core/types.ts";
import type { KeyRow, TokenRow, UserRow } from "../store/auth.ts";
import type { Authority } from "./authority.ts";
import { roles, type Role, type Verb } from "./permissions.ts";
import type { AuthDeps } from "./ports.ts";
import { parsePublicKey } from "./public-key.ts";
import { hashToken, newToken } from "./secret-token.ts";

export type KeyView = Omit<KeyRow, "publicKey">;
export type TokenView = Omit<TokenRow, "hash">;

export interface NewKey {
  readonly publicKey: string;
  readonly title?: string | undefined;
  readonly user?: string | undefined;
}

export interface NewToken {
  readonly title: string;
  readonly user?: string | undefined;
  readonly expiresInMs?: number | undefined;
  /** For one command that came by ssh. What the command does is audited, its token is not. */
  readonly isOneCommand?: boolean;
}

/** The user that the owner of the machine acts for unless another is named. */
const ownersUser = "admin";
const userNamePattern = /^[a-z][a-z0-9._-]{0,31}$/;

/** Users, keys and tokens. Without a user it is about the actor's own; another's takes an admin. Changes are audited. */
export class Accounts {
  readonly #deps: AuthDeps;
  readonly #authority: Authority;
  readonly #oneCommandTokens = new Set<string>();

  constructor(deps: AuthDeps, authority: Authority) {
    this.#deps = deps;
    this.#authority = authority;
  }

  users(): readonly UserRow[] {
    return this.#deps.store.users();
  }

  /** @throws AppError USER_NAME_INVALID, USER_EXISTS, ROLE_INVALID */
  addUser(actor: Actor, user: { readonly name: string; readonly role?: string | undefined }): UserRow {
    const { store, now } = this.#deps;
    const { name } = user;
    this.#authority.requireCan(actor, "user:change", { user: name });
    if (!userNamePattern.test(name)) throw new AppError("USER_NAME_INVALID", { user: name });
    if (store.user(name) !== undefined) throw new AppError("USER_EXISTS", { user: name });
    const row = { name, role: parseRole(user.role ?? "developer"), createdAt: now() };
    store.insertUser(row);
    this.#record(actor, `users:add --role ${row.role}`, name);
    return row;
  }

  /** @throws AppError USER_NOT_FOUND, ROLE_INVALID */
  setRole(actor: Actor, name: string, role: string): UserRow {
    this.#authority.requireCan(actor, "user:change", { user: name });
    const user = this.#existing(name);
    this.#deps.store.setRole(name, parseRole(role));
    this.#record(actor, `users:role ${role}`, name);
    return { ...user, role };
  }

  removeUser(actor: Actor, name: string): void {
    this.#authority.requireCan(actor, "user:change", { user: name });
    this.#existing(name);
    this.#deps.store.deleteUser(name);
    this.#record(actor, "users:remove", name);
  }

  keys(actor: Actor, user?: string): readonly KeyView[] {
    const rows = this.#visible(actor, "key:own", user, this.#deps.store.keys());
    return rows.map(({ publicKey: _, ...view }) => view);
  }

  /** @throws AppError KEY_INVALID, KEY_EXISTS, USER_NOT_FOUND */
  addKey(actor: Actor, key: NewKey): KeyView {
    const { store, now } = this.#deps;
    const user = this.#userFor(actor, "key:own", key.user);
    const { fingerprint, line, comment } = parsePublicKey(key.publicKey);
    const taken = store.key(fingerprint);
    if (taken !== undefined) throw new AppError("KEY_EXISTS", { fingerprint, user: taken.user });
    const view = { fingerprint, user, title: key.title ?? (comment || "key"), createdAt: now() };
    store.insertKey({ ...view, publicKey: line });
    this.#record(actor, `keys:add ${fingerprint}`, user);
    return view;
  }

  /** By fingerprint, the beginning of one, or title. @throws AppError KEY_NOT_FOUND, KEY_AMBIGUOUS */
  removeKey(actor: Actor, wanted: string): void {
    const mine = this.#visible(actor, "key:own", undefined, this.#deps.store.keys());
    const found = mine.filter((k) => matches(k, wanted));
    const [key] = found;
    if (key === undefined) throw new AppError("KEY_NOT_FOUND", { key: wanted });
    if (found.length > 1) throw new AppError("KEY_AMBIGUOUS", { key: wanted });
    this.#deps.store.deleteKey(key.fingerprint);
    this.#record(actor, `keys:remove ${key.fingerprint}`, key.user);
  }

  tokens(actor: Actor, user?: string): readonly TokenView[] {
    this.#forgetExpired();
    return this.#visible(actor, "token:own", user, this.#deps.store.tokens()).map(({ hash: _, ...view }) => view);
  }

  /** The token itself is in the answer and nowhere else. @throws AppError TOKEN_EXPIRY_INVALID, USER_NOT_FOUND */
  createToken(actor: Actor, wanted: NewToken): TokenView & { readonly token: string } {
    const { store, now } = this.#deps;
    const user = this.#userFor(actor, "token:own", wanted.user);
    const { expiresInMs } = wanted;
    if (expiresInMs !== undefined && expiresInMs <= 0) throw new AppError("TOKEN_EXPIRY_INVALID");
    this.#forgetExpired();
    const token = newToken();
    const createdAt = now();
    const expiresAt = expiresInMs === undefined ? undefined : createdAt + expiresInMs;
    const view = { id: newId(), user, title: wanted.title, createdAt, expiresAt };
    store.insertToken({ ...view, hash: hashToken(token) });
    if (wanted.isOneCommand) this.#oneCommandTokens.add(view.id);
    else this.#record(actor, `tokens:create ${view.id}`, user);
    return { ...view, token };
  }

  /** @throws AppError TOKEN_NOT_FOUND */
  revokeToken(actor: Actor, id: string): void {
    const row = this.#deps.store.token(id);
    if (row === undefined || !this.#authority.can(actor, "token:own", { user: row.user })) {
      throw new AppError("TOKEN_NOT_FOUND", { token: id });
    }
    this.#deps.store.deleteToken(id);
    if (!this.#oneCommandTokens.delete(id)) this.#record(actor, `tokens:revoke ${id}`, row.user);
  }

  /** Every ssh command and every push over http has a token of its own: the table would only grow. */
  #forgetExpired(): void {
    const { store, now } = this.#deps;
    const at = now();
    for (const { id, expiresAt } of store.tokens()) {
      if (expiresAt !== undefined && expiresAt <= at) store.deleteToken(id);
    }
  }

  /** Without a user: one's own; for who may see all users: everybody's. */
  #visible<T extends { readonly user: string }>(
    actor: Actor,
    verb: Verb,
    user: string | undefined,
    rows: readonly T[],
  ): readonly T[] {
    if (user !== undefined) {
      this.#authority.requireCan(actor, verb, { user });
      return rows.filter((row) => row.user === user);
    }
    this.#authority.requireCan(actor, verb, {});
    return rows.filter((row) => this.#authority.can(actor, verb, { user: row.user }));
  }

  #userFor(actor: Actor, verb: Verb, user: string | undefined): string {
    const name = user ?? (actor.kind === "user" ? actor.name : ownersUser);
    this.#authority.requireCan(actor, verb, { user: name });
    if (name === ownersUser && actor.kind !== "user") this.#ensureOwnersUser(actor);
    return this.#existing(name).name;
  }

  /** The first key of an installation comes by the unix socket, before there is any user. */
  #ensureOwnersUser(actor: Actor): void {
    if (this.#deps.store.user(ownersUser) === undefined) this.addUser(actor, { name: ownersUser, role: "admin" });
  }

  #existing(name: string): UserRow {
    const row = this.#deps.store.user(name);
    if (row === undefined) throw new AppError("USER_NOT_FOUND", { user: name });
    return row;
  }

  #record(actor: Actor, verb: string, user: string): void {
    this.#authority.record(actor, verb, { user }, this.#deps.now());
  }
}

function matches(key: KeyRow, wanted: string): boolean {
  if (key.title === wanted || key.fingerprint === wanted) return true;
  return wanted.startsWith("SHA256:") && wanted.length > "SHA256:".length && key.fingerprint.startsWith(wanted);
}

function parseRole(raw: string): Role {
  const role = roles.find((r) => r === raw);
  if (role === undefined) throw new AppError("ROLE_INVALID", { role: raw });
  return role;
}
