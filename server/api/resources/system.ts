import { Hono } from "hono";
import { z } from "zod";
import type { Guard } from "../guard.ts";
import { query } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const wanted = z.object({ count: z.coerce.number().int().min(1).max(10_000, "at most 10000").default(50) });

export function systemResource({ platform: { system, router }, auth }: ApiDeps, guard: Guard) {
  return (
    new Hono<ApiEnv>()
      .get("/v1/router", guard("system:read"), async (c) => c.json(await router.status()))
      // For Prometheus, with a token of a viewer as its bearer token.
      .get("/metrics", guard("system:read"), async (c) => c.text(await router.metrics()))
      .get("/v1/system", guard("system:read"), (c) => c.json(system.info()))
      .get("/v1/audit", guard("audit:read"), query(wanted), (c) => c.json(auth.audit(c.req.valid("query").count)))
      .get("/v1/whoami", (c) => {
        const actor = c.get("actor");
        return c.json({ ...actor, role: auth.roleOf(actor) });
      })
  );
}
