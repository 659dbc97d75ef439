import { AppError } from "../core/errors.ts";
import type { Actor, Instant } from "../core/types.ts";
import type { AuditRow } from "../store/auth.ts";
import type { AuthDeps } from "./ports.ts";
import { can, describeResource, roles, type Resource, type Role, type Verb } from "./permissions.ts";
import { hashesEqual, hashToken, isToken } from "./secret-token.ts";

/** Who somebody is and what they may. */
export class Authority {
  readonly #deps: AuthDeps;

  constructor(deps: AuthDeps) {
    this.#deps = deps;
  }

  /** The holder of an ssh key, `SHA256:…`. */
  byFingerprint(fingerprint: string): { readonly actor: Actor; readonly publicKey: string } | undefined {
    const key = this.#deps.store.key(fingerprint);
    return key === undefined ? undefined : { actor: userActor(key.user), publicKey: key.publicKey };
  }

  /** Who holds the token; undefined when it is unknown, revoked or has expired. */
  byToken(token: string): Actor | undefined {
    if (!isToken(token)) return undefined;
    const hash = hashToken(token);
    const row = this.#deps.store.tokenByHash(hash);
    if (row === undefined || !hashesEqual(row.hash, hash)) return undefined;
    const hasExpired = row.expiresAt !== undefined && row.expiresAt <= this.#deps.now();
    return hasExpired ? undefined : userActor(row.user);
  }

  /** Of an `Authorization: Basic` header, as git sends it: the password is the token, the user name does not matter. */
  authenticateBasic(header: string | undefined): Actor | undefined {
    const [, encoded = ""] = /^basic +(\S+)$/i.exec(header ?? "") ?? [];
    const pair = Buffer.from(encoded, "base64").toString("utf8");
    const colon = pair.indexOf(":");
    return colon === -1 ? undefined : this.byToken(pair.slice(colon + 1));
  }

  roleOf(actor: Actor): Role | undefined {
    if (actor.kind !== "user") return "admin";
    return roles.find((role) => role === this.#deps.store.user(actor.name)?.role);
  }

  can(actor: Actor, verb: Verb, resource: Resource = {}): boolean {
    return can(actor, actor.kind === "user" ? this.roleOf(actor) : undefined, verb, resource);
  }

  /** @throws AppError FORBIDDEN */
  requireCan(actor: Actor, verb: Verb, resource: Resource = {}): void {
    if (this.can(actor, verb, resource)) return;
    throw new AppError("FORBIDDEN", { actor: actor.name, verb, resource: describeResource(resource) });
  }

  /** Notes in the audit trail what was done. */
  record(actor: Actor, verb: string, resource: Resource, at: Instant = this.#deps.now()): void {
    this.#deps.store.record({ at, actor: actor.name, verb, resource: describeResource(resource) });
  }

  /** What was done, the newest first. */
  audit(count: number): readonly AuditRow[] {
    return this.#deps.store.audit(count);
  }
}

function userActor(name: string): Actor {
  return { kind: "user", name };
}
