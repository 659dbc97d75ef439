import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body, query } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

// Host and path are checked by the platform, with errors of their own.
const route = z.strictObject({
  domain: z.string().max(253),
  hostname: z.string().max(253).optional(),
  path: z.string().max(1000).optional(),
  type: z.string().max(63).optional(),
  port: z.coerce.number().int().min(1, "1 to 65535").max(65_535, "1 to 65535").optional(),
  weight: z.coerce.number().int().min(0, "0 to 1000").max(1000, "0 to 1000").optional(),
  random: z.boolean().optional(),
});

export function routesResource({ platform: { routes }, auth }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/routes", guard("route:list"), (c) => c.json(routes.list()))
    .post("/v1/routes", guard("route:change"), body(route), (c) => {
      const created = routes.create(c.get("actor"), c.req.valid("json"));
      auth.record(c.get("actor"), `create-route ${created.url}`, {});
      return c.json(created, 201);
    })
    .delete("/v1/routes", guard("route:change"), query(route), async (c) => {
      const wanted = c.req.valid("query");
      await routes.delete(c.get("actor"), wanted);
      auth.record(
        c.get("actor"),
        `delete-route ${[wanted.hostname, wanted.domain].filter(Boolean).join(".")}${wanted.path ?? ""}`,
        {},
      );
      return c.json({});
    })
    .post("/v1/apps/:app/routes", guard("app:change", "map-route"), body(route), async (c) => {
      return c.json(await routes.map(c.get("actor"), parseAppName(c.req.param("app")), c.req.valid("json")), 201);
    })
    .delete("/v1/apps/:app/routes", guard("app:change", "unmap-route"), query(route), async (c) => {
      await routes.unmap(c.get("actor"), parseAppName(c.req.param("app")), c.req.valid("query"));
      return c.json({});
    });
}
