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

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of a config var, like NPM_TOKEN");

const dockerfile = z.strictObject({
  path: z
    .string()
    .max(512)
    .refine(
      (path) => path !== "" && !path.startsWith("/") && !path.split("/").includes(".."),
      "a path below the repository",
    )
    .optional(),
  target: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "the name of a stage, like production")
    .optional(),
  args: z.array(variable).max(256).optional(),
  secrets: z.array(variable).max(256).optional(),
});

/** Without one: nothing is set any more. */
const dockerfileChange = z.strictObject({ dockerfile: dockerfile.nullable() });

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
    .delete("/v1/apps/:app/builds/cache", guard("app:change", "builds:cache:purge"), async (c) => {
      return c.json(await builds.purgeCache(c.get("actor"), parseAppName(c.req.param("app"))));
    })
    .post("/v1/apps/:app/builds/:number/cancel", guard("app:change", "builds:cancel"), (c) => {
      const number = parseNumber(c.req.param("number"), "build");
      return c.json({ cancelled: builds.cancel(c.get("actor"), parseAppName(c.req.param("app")), number) });
    })
    .get("/v1/apps/:app/builds/dockerfile", guard("app:read"), (c) => {
      return c.json(builds.dockerfile(parseAppName(c.req.param("app"))));
    })
    .put(
      "/v1/apps/:app/builds/dockerfile",
      guard("app:change", "builds:dockerfile:set"),
      body(dockerfileChange),
      (c) => {
        const change = c.req.valid("json").dockerfile ?? undefined;
        return c.json(builds.setDockerfile(c.get("actor"), parseAppName(c.req.param("app")), change));
      },
    )
    .post("/v1/apps/:app/builds/cancel", guard("app:change", "builds:cancel"), (c) => {
      return c.json({ cancelled: builds.cancel(c.get("actor"), parseAppName(c.req.param("app"))) });
    });
}

function definedOnly(given: z.output<typeof limits>): Partial<BuildLimits> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
