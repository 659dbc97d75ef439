import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Release } from "../../core/types.ts";
import type { Guard } from "../guard.ts";
import { body, parseNumber } from "../input.ts";
import { streamJob } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const rollback = z.strictObject({ version: z.int().min(1).optional() });

export function releasesResource(deps: ApiDeps, guard: Guard) {
  const { releases } = deps.platform;
  return new Hono<ApiEnv>()
    .get("/v1/apps/:app/releases", guard("app:read"), (c) => {
      return c.json(releases.list(parseAppName(c.req.param("app"))).map(withoutSecrets));
    })
    .get("/v1/apps/:app/releases/:version", guard("app:read"), (c) => {
      const version = parseNumber(c.req.param("version"), "release");
      return c.json(withoutSecrets(releases.get(parseAppName(c.req.param("app")), version)));
    })
    .post("/v1/apps/:app/rollback", guard("app:change", "rollback"), body(rollback), (c) => {
      const name = parseAppName(c.req.param("app"));
      const { version } = c.req.valid("json");
      return streamJob(deps, async (out, signal) => ({
        version: await releases.rollback(c.get("actor"), name, version, out, signal),
      }));
    });
}

/** Who may see releases may not see config values: those have a verb of their own. */
function withoutSecrets(release: Release & { readonly current: boolean }) {
  const { config, ...rest } = release;
  return { ...rest, configKeys: Object.keys(config) };
}
