import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body, query } from "../input.ts";
import { streamJob } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const named = z.strictObject({ name: z.string() });
const confirmed = z.object({ confirm: z.string().default("") });

export function appsResource(deps: ApiDeps, guard: Guard) {
  const { apps } = deps.platform;
  return new Hono<ApiEnv>()
    .get("/v1/apps", guard("app:list"), (c) => c.json(apps.list()))
    .post("/v1/apps", guard("app:create"), body(named), (c) => {
      const created = apps.create(c.get("actor"), parseAppName(c.req.valid("json").name));
      deps.auth.record(c.get("actor"), "apps:create", { app: created.app.name });
      return c.json(created, 201);
    })
    .get("/v1/apps/:app", guard("app:read"), (c) => c.json(apps.get(parseAppName(c.req.param("app")))))
    .patch("/v1/apps/:app", guard("app:change", "apps:rename"), body(named), async (c) => {
      const name = parseAppName(c.req.param("app"));
      return c.json(await apps.rename(c.get("actor"), name, parseAppName(c.req.valid("json").name)));
    })
    .delete("/v1/apps/:app", guard("app:destroy", "apps:destroy"), query(confirmed), (c) => {
      const name = parseAppName(c.req.param("app"));
      const { confirm } = c.req.valid("query");
      return streamJob(deps, (out, signal) => apps.destroy(c.get("actor"), name, confirm, out, signal));
    });
}
