import { Hono } from "hono";
import { z } from "zod";
import type { Guard } from "../guard.ts";
import { body, query } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const name = z.string().min(1).max(253);
const pem = z.string().min(1, "is empty").max(200_000);
const own = z.strictObject({ names: z.array(name).min(1, "name a domain").max(100), chain: pem, key: pem });

export function certsResource({ platform: { certs }, auth }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/certs", guard("route:list"), (c) => c.json(certs.list()))
    .post("/v1/certs", guard("route:change"), body(own), async (c) => {
      const added = await certs.add(c.get("actor"), c.req.valid("json"));
      auth.record(c.get("actor"), `certs:add ${added.names.join(" ")}`, {});
      return c.json(added, 201);
    })
    .delete("/v1/certs", guard("route:change"), query(z.strictObject({ name })), async (c) => {
      const removed = await certs.remove(c.get("actor"), c.req.valid("query").name);
      auth.record(c.get("actor"), `certs:remove ${c.req.valid("query").name}`, {});
      return c.json(removed);
    })
    .put("/v1/certs/auto", guard("route:change"), body(z.strictObject({ name, on: z.boolean() })), (c) => {
      const wanted = c.req.valid("json");
      const answer = certs.auto(c.get("actor"), wanted.name, wanted.on);
      auth.record(c.get("actor"), `certs:auto ${wanted.name} ${wanted.on ? "on" : "off"}`, {});
      return c.json(answer);
    });
}
