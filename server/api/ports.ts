import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "../core/log.ts";
import type { Actor } from "../core/types.ts";
import type { Platform } from "./platform.ts";

/** What the API needs from the rest; the composition root supplies it. */
export interface ApiDeps {
  readonly platform: Platform;
  readonly auth: Authenticator;
  readonly authorize: Authorize;
  readonly accounts: AccountsPort;
  readonly gitHttp: GitHttp;
  readonly log: Log;
  readonly version: string;
  /** The API answers at `paas.<domain>` too. */
  readonly domain: string;
  /** Ports of the platform that do not listen, each with the reason: none when it is ready. */
  readonly closedDoors: () => readonly string[];
  /** Aborts when the daemon stops. Jobs get it: a client that goes away does not end them. */
  readonly shutdown: AbortSignal;
}

/** Who somebody is, what they may and what they did. */
export interface Authenticator {
  /** Who holds the token; undefined when it is unknown, revoked or has expired. */
  byToken(token: string): Actor | undefined;
  /** Undefined once the user is gone. */
  roleOf(actor: Actor): string | undefined;
  /** Notes that the actor was let do it: `ps:scale` to `app shop`. */
  record(actor: Actor, action: string, resource: ApiResource): void;
  /** The newest first. */
  audit(count: number): readonly AuditView[];
}

export interface AuditView {
  readonly at: number;
  readonly actor: string;
  readonly verb: string;
  readonly resource: string;
}

/** @throws AppError with status 403 when the actor may not */
export type Authorize = (actor: Actor, verb: ApiVerb, resource: ApiResource) => void;

export const apiVerbs = [
  "app:list",
  "app:read",
  "app:create",
  "app:push",
  "app:change",
  "app:destroy",
  "app:config",
  "app:logs",
  "app:run",
  "route:list",
  "route:change",
  "service:list",
  "service:change",
  "key:own",
  "token:own",
  "user:list",
  "user:change",
  "audit:read",
  "system:read",
  "system:change",
] as const;

/** Every endpoint names one. `app:config` reads secrets; `key:own` and `token:own` are about the actor's own. */
export type ApiVerb = (typeof apiVerbs)[number];

export interface ApiResource {
  readonly app?: string | undefined;
  readonly service?: string | undefined;
  readonly user?: string | undefined;
}

/** Serves one request of git's smart HTTP protocol to the end, by itself. */
export type GitHttp = (request: IncomingMessage, response: ServerResponse, actor: Actor) => Promise<void>;

/** Users, keys and tokens. Without a user it is about the actor. */
export interface AccountsPort {
  users(): readonly UserView[];
  addUser(actor: Actor, user: { readonly name: string; readonly role?: string | undefined }): UserView;
  setRole(actor: Actor, name: string, role: string): UserView;
  removeUser(actor: Actor, name: string): void;
  keys(actor: Actor, user?: string): readonly KeyView[];
  addKey(actor: Actor, key: NewKey): KeyView;
  removeKey(actor: Actor, fingerprint: string): void;
  tokens(actor: Actor, user?: string): readonly TokenView[];
  /** The token itself is in the answer and nowhere else. */
  createToken(actor: Actor, token: NewToken): TokenView & { readonly token: string };
  revokeToken(actor: Actor, id: string): void;
}

export interface UserView {
  readonly name: string;
  readonly role: string;
  readonly createdAt: number;
}

export interface KeyView {
  /** `SHA256:…` as ssh-keygen prints it. */
  readonly fingerprint: string;
  readonly title: string;
  readonly user: string;
  readonly createdAt: number;
}

export interface NewKey {
  /** One line of an OpenSSH public key file. */
  readonly publicKey: string;
  readonly title?: string | undefined;
  readonly user?: string | undefined;
}

export interface TokenView {
  readonly id: string;
  readonly title: string;
  readonly user: string;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
}

export interface NewToken {
  readonly title: string;
  readonly user?: string | undefined;
  readonly expiresInMs?: number | undefined;
}
