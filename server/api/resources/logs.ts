import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { query } from "../input.ts";
import { streamLogs } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const filter = z.object({
  lines: z.coerce.number().int().min(0).max(10_000, "at most 10000").default(100),
  process: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,80}$/, "write it like web or web.1")
    .optional(),
  source: z.enum(["app", "router", "build", "paas"]).optional(),
  tail: z.enum(["true", "false"]).default("false"),
});

export function logsResource(deps: ApiDeps, guard: Guard) {
  const { apps, logs } = deps.platform;
  return new Hono<ApiEnv>().get("/v1/apps/:app/logs", guard("app:logs"), query(filter), (c) => {
    const { app } = apps.get(parseAppName(c.req.param("app")));
    const { tail, ...wanted } = c.req.valid("query");
    return streamLogs(deps, (signal) =>
      tail === "true" ? logs.tail(app.name, wanted, signal) : logs.recent(app.name, wanted),
    );
  });
}
