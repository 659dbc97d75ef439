import { Hono } from "hono";
import { z } from "zod";
import type { BuildLimits } from "../../builds/limits.ts";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body, parseNumber } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const mib = 1024 ** 2;

const limits = z.strictObject({
  memoryBytes: z
    .int()
    .min(64 * mib, "at least 64 MB of memory")
    .optional(),
  cpus: z.number().min(0.1, "at least 0.1 CPUs").max(1024).optional(),
  pids: z.int().min(16, "at least 16 processes").max(1_000_000).optional(),
  diskBytes: z
    .int()
    .min(16 * mib, "at least 16 MB of disk")
    .optional(),
  timeoutMs: z.int().min(1000, "at least 1 s").max(86_400_000, "at most 24 h").optional(),
});

/** Without limits: all of them to the defaults. */
const limitsChange = z.strictObject({ limits: limits.nullable() });

export function buildsResource({ platform: { builds } }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/apps/:app/builds", guard("app:read"), (c) => c.json(builds.list(parseAppName(c.req.param("app")))))
    .get("/v1/apps/:app/builds/:number/output", guard("app:logs"), async (c) => {
      const number = parseNumber(c.req.param("number"), "build");
      return c.json({ output: await builds.output(parseAppName(c.req.param("app")), number) });
    })
    .get("/v1/apps/:app/builds/limits", guard("app:read"), async (c) => {
      return c.json(await builds.limits(parseAppName(c.req.param("app"))));
    })
    .put("/v1/apps/:app/builds/limits", guard("app:change", "builds:limits:set"), body(limitsChange), async (c) => {
      const { limits: given } = c.req.valid("json");
      const change = given === null ? undefined : definedOnly(given);
      return c.json(await builds.setLimits(c.get("actor"), parseAppName(c.req.param("app")), change));
    })
    .post("/v1/apps/:app/builds/:number/cancel", guard("app:change", "builds:cancel"), (c) => {
      const number = parseNumber(c.req.param("number"), "build");
      return c.json({ cancelled: builds.cancel(c.get("actor"), parseAppName(c.req.param("app")), number) });
    })
    .post("/v1/apps/:app/builds/cancel", guard("app:change", "builds:cancel"), (c) => {
      return c.json({ cancelled: builds.cancel(c.get("actor"), parseAppName(c.req.param("app"))) });
    });
}

function definedOnly(given: z.output<typeof limits>): Partial<BuildLimits> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
