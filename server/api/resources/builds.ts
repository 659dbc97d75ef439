import { Hono } from "hono";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { parseNumber } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

export function buildsResource({ platform: { builds } }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/apps/:app/builds", guard("app:read"), (c) => c.json(builds.list(parseAppName(c.req.param("app")))))
    .get("/v1/apps/:app/builds/:number/output", guard("app:logs"), async (c) => {
      const number = parseNumber(c.req.param("number"), "build");
      return c.json({ output: await builds.output(parseAppName(c.req.param("app")), number) });
    })
    .post("/v1/apps/:app/builds/cancel", guard("app:change", "builds:cancel"), (c) => {
      return c.json({ cancelled: builds.cancel(c.get("actor"), parseAppName(c.req.param("app"))) });
    });
}
