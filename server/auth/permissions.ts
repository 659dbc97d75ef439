import type { Actor } from "../core/types.ts";

export const roles = ["admin", "developer", "viewer"] as const;
export type Role = (typeof roles)[number];

const viewer = [
  "app:list",
  "app:read",
  "app:logs",
  "route:list",
  "service:list",
  "key:own",
  "token:own",
  "system:read",
] as const;

const developer = [
  ...viewer,
  "app:create",
  "app:push",
  /** Clone and fetch. */
  "app:source",
  /** Scale, restart, stop, start, roll back, checks, limits, builds. */
  "app:change",
  /** Config vars hold secrets, so reading them is more than `app:read`. */
  "app:config",
  "app:run",
  "route:change",
  "service:change",
] as const;

const admin = [...developer, "app:destroy", "user:list", "user:change", "audit:read", "system:change"] as const;

/** Everything that anybody can do. Each verb of the API, of ssh and of git passes one. */
export type Verb = (typeof admin)[number];

const allowed: Readonly<Record<Role, ReadonlySet<Verb>>> = {
  admin: new Set(admin),
  developer: new Set(developer),
  viewer: new Set(viewer),
};

/** What is acted on. Empty for the platform as a whole. */
export interface Resource {
  readonly app?: string | undefined;
  readonly service?: string | undefined;
  readonly user?: string | undefined;
}

/** Whether the actor may. A user's role is undefined once the user is gone; then nothing is allowed. */
export function can(actor: Actor, role: Role | undefined, verb: Verb, resource: Resource): boolean {
  if (actor.kind !== "user") return true;
  if (role === undefined) return false;
  if (!allowed[role].has(verb)) return false;
  const isOwnOnly = verb === "key:own" || verb === "token:own";
  if (!isOwnOnly || resource.user === undefined || resource.user === actor.name) return true;
  return allowed[role].has("user:change");
}

/** `app shop`, `user ann`, `the platform`: for messages and the audit trail. */
export function describeResource(resource: Resource): string {
  const named = (["app", "service", "user"] as const).filter((kind) => resource[kind] !== undefined);
  return named.length === 0 ? "the platform" : named.map((kind) => `${kind} ${resource[kind]}`).join(", ");
}
