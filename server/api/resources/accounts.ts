import { Hono } from "hono";
import { z } from "zod";
import type { Guard } from "../guard.ts";
import { body, query } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const name = z.string().min(1).max(64);
const newUser = z.strictObject({ name, role: z.string().max(32).optional() });
const newRole = z.strictObject({ role: z.string().max(32) });
const newKey = z.strictObject({
  publicKey: z.string().max(16_384),
  title: z.string().max(200).optional(),
  user: name.optional(),
});
const newToken = z.strictObject({
  title: z.string().min(1).max(200),
  user: name.optional(),
  expiresInMs: z.int().min(1000).optional(),
});
const ofUser = z.object({ user: name.optional() });
const fingerprint = z.object({ fingerprint: z.string().max(200) });

/** Users, and the keys and tokens that they act with. Whose keys an actor may change is decided by the accounts port. */
export function accountsResource({ accounts }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/users", guard("user:list"), (c) => c.json(accounts.users()))
    .post("/v1/users", guard("user:change"), body(newUser), (c) => {
      return c.json(accounts.addUser(c.get("actor"), c.req.valid("json")), 201);
    })
    .patch("/v1/users/:user", guard("user:change"), body(newRole), (c) => {
      return c.json(accounts.setRole(c.get("actor"), c.req.param("user"), c.req.valid("json").role));
    })
    .delete("/v1/users/:user", guard("user:change"), (c) => {
      accounts.removeUser(c.get("actor"), c.req.param("user"));
      return c.json({});
    })
    .get("/v1/keys", guard("key:own"), query(ofUser), (c) => {
      return c.json(accounts.keys(c.get("actor"), c.req.valid("query").user));
    })
    .post("/v1/keys", guard("key:own"), body(newKey), (c) => {
      return c.json(accounts.addKey(c.get("actor"), c.req.valid("json")), 201);
    })
    .delete("/v1/keys", guard("key:own"), query(fingerprint), (c) => {
      accounts.removeKey(c.get("actor"), c.req.valid("query").fingerprint);
      return c.json({});
    })
    .get("/v1/tokens", guard("token:own"), query(ofUser), (c) => {
      return c.json(accounts.tokens(c.get("actor"), c.req.valid("query").user));
    })
    .post("/v1/tokens", guard("token:own"), body(newToken), (c) => {
      return c.json(accounts.createToken(c.get("actor"), c.req.valid("json")), 201);
    })
    .delete("/v1/tokens/:id", guard("token:own"), (c) => {
      accounts.revokeToken(c.get("actor"), c.req.param("id"));
      return c.json({});
    });
}
