import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body } from "../input.ts";
import { streamJob } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

/** null unsets. Names are checked by the platform, with errors of their own. */
const change = z.strictObject({ change: z.record(z.string(), z.string().nullable()) });

export function configResource(deps: ApiDeps, guard: Guard) {
  const { releases } = deps.platform;
  return new Hono<ApiEnv>()
    .get("/v1/apps/:app/config", guard("app:config"), (c) => {
      return c.json(releases.config(parseAppName(c.req.param("app"))));
    })
    .patch("/v1/apps/:app/config", guard("app:change", "config:set"), body(change), (c) => {
      const name = parseAppName(c.req.param("app"));
      const wanted = Object.fromEntries(
        Object.entries(c.req.valid("json").change).map(([key, value]) => [key, value ?? undefined]),
      );
      return streamJob(deps, async (out, signal) => ({
        version: await releases.setConfig(c.get("actor"), name, wanted, out, signal),
      }));
    });
}
