import { Hono } from "hono";
import { z } from "zod";
import { parseAppName, parseProcessType } from "../../core/ids.ts";
import type { Checks } from "../../core/types.ts";
import type { Guard } from "../guard.ts";
import { body } from "../input.ts";
import { streamJob } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const change = z
  .strictObject({
    /** null: no HTTP check, the port alone decides. */
    path: z
      .string()
      .max(1000)
      .regex(/^\/[^\s#]*$/, "write it like /health")
      .nullable()
      .optional(),
    bootTimeoutMs: z.int().min(1000, "at least 1 s").max(1_800_000, "at most 1800 s").optional(),
    settleMs: z.int().min(0).max(600_000, "at most 600 s").optional(),
  })
  .refine((value) => Object.values(value).some((v) => v !== undefined), "give a path, a timeout or a settle time");

const strategy = z.strictObject({ strategy: z.enum(["rolling", "recreate"], "write rolling or recreate") });

export function checksResource(deps: ApiDeps, guard: Guard) {
  const { releases } = deps.platform;
  return new Hono<ApiEnv>()
    .get("/v1/apps/:app/checks", guard("app:read"), (c) => {
      return c.json(releases.checks(parseAppName(c.req.param("app"))));
    })
    .patch("/v1/apps/:app/checks/:type", guard("app:change", "checks:set"), body(change), (c) => {
      const name = parseAppName(c.req.param("app"));
      const type = parseProcessType(c.req.param("type"));
      const wanted = toChecks(c.req.valid("json"));
      return streamJob(deps, (out, signal) => releases.setChecks(c.get("actor"), name, type, wanted, out, signal));
    })
    .get("/v1/apps/:app/strategy", guard("app:read"), (c) => {
      return c.json({ strategy: releases.strategy(parseAppName(c.req.param("app"))) });
    })
    .put("/v1/apps/:app/strategy", guard("app:change", "strategy"), body(strategy), (c) => {
      const wanted = c.req.valid("json");
      releases.setStrategy(c.get("actor"), parseAppName(c.req.param("app")), wanted.strategy);
      return c.json(wanted);
    });
}

/** Only what was given is in the answer: a path of undefined there means "none". */
function toChecks(given: z.output<typeof change>): Partial<Checks> {
  return {
    ...(given.path === undefined ? {} : { path: given.path ?? undefined }),
    ...(given.bootTimeoutMs === undefined ? {} : { bootTimeoutMs: given.bootTimeoutMs }),
    ...(given.settleMs === undefined ? {} : { settleMs: given.settleMs }),
  };
}
