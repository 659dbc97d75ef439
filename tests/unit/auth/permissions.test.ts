import { expect, test } from "vitest";
import { apiVerbs } from "../../../server/api/ports.ts";
import { can, describeResource, type Role } from "../../../server/auth/permissions.ts";
import type { Actor } from "../../../server/core/types.ts";

const ann: Actor = { kind: "user", name: "ann" };
const app = { app: "shop" };

const readVerbs = ["app:list", "app:read", "app:logs", "route:list", "service:list", "system:read"] as const;
const changeVerbs = [
  "app:create",
  "app:push",
  "app:source",
  "app:change",
  "app:config",
  "app:run",
  "route:change",
  "service:change",
] as const;
const adminVerbs = ["app:destroy", "user:list", "user:change", "audit:read"] as const;

test("every verb of the API has its place in the table", () => {
  expect(apiVerbs.filter((verb) => !can(ann, "admin", verb, {}))).toEqual([]);
});

test.for([
  ["viewer", [...readVerbs], [...changeVerbs, ...adminVerbs]],
  ["developer", [...readVerbs, ...changeVerbs], [...adminVerbs]],
  ["admin", [...readVerbs, ...changeVerbs, ...adminVerbs], []],
] as const)("what a %s may do", ([role, allowed, refused]) => {
  for (const verb of allowed) expect([verb, can(ann, role, verb, app)]).toEqual([verb, true]);
  for (const verb of refused) expect([verb, can(ann, role, verb, app)]).toEqual([verb, false]);
});

test.for(["viewer", "developer"] as const)("a %s has keys and tokens of their own, not another's", (role: Role) => {
  for (const verb of ["key:own", "token:own"] as const) {
    expect(can(ann, role, verb, {})).toBe(true);
    expect(can(ann, role, verb, { user: "ann" })).toBe(true);
    expect(can(ann, role, verb, { user: "bob" })).toBe(false);
    expect(can(ann, "admin", verb, { user: "bob" })).toBe(true);
  }
});

test("the owner of the machine and the platform may do everything, a user who is gone nothing", () => {
  expect(can({ kind: "owner", name: "owner" }, undefined, "app:destroy", app)).toBe(true);
  expect(can({ kind: "system", name: "paas" }, undefined, "user:change", {})).toBe(true);
  for (const verb of [...readVerbs, "key:own"] as const) expect(can(ann, undefined, verb, app)).toBe(false);
});

test("a resource is named in messages", () => {
  expect([{}, app, { app: "shop", service: "db" }].map(describeResource)).toEqual([
    "the platform",
    "app shop",
    "app shop, service db",
  ]);
});
