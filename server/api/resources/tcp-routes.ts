import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body, query } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const port = z.coerce.number().int().min(1, "1 to 65535").max(65_535, "1 to 65535");
const route = z.strictObject({
  listenPort: port,
  type: z.string().max(63).optional(),
  port: port.optional(),
  proxyProtocol: z.enum(["v1", "v2"]).optional(),
});
const place = z.strictObject({ listenPort: port });

export function tcpRoutesResource({ platform: { tcpRoutes }, auth }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/tcp-routes", guard("route:list"), async (c) => c.json(await tcpRoutes.list()))
    .post("/v1/tcp-routes", guard("route:change"), body(route), async (c) => {
      const wanted = c.req.valid("json");
      const created = await tcpRoutes.set(c.get("actor"), undefined, wanted);
      auth.record(c.get("actor"), `create-route :${wanted.listenPort}`, {});
      return c.json(created, 201);
    })
    .delete("/v1/tcp-routes", guard("route:change"), query(place), async (c) => {
      const { listenPort } = c.req.valid("query");
      await tcpRoutes.delete(c.get("actor"), listenPort);
      auth.record(c.get("actor"), `delete-route :${listenPort}`, {});
      return c.json({});
    })
    .post("/v1/apps/:app/tcp-routes", guard("app:change", "map-route"), body(route), async (c) => {
      return c.json(await tcpRoutes.set(c.get("actor"), parseAppName(c.req.param("app")), c.req.valid("json")), 201);
    })
    .delete("/v1/apps/:app/tcp-routes", guard("app:change", "unmap-route"), query(place), async (c) => {
      await tcpRoutes.unmap(c.get("actor"), parseAppName(c.req.param("app")), c.req.valid("query").listenPort);
      return c.json({});
    });
}
