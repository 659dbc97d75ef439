import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body, query } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

// Host, path and settings are checked by the platform, with errors of their own.
const place = { domain: z.string().max(253), path: z.string().max(1000).optional() };
const page = z.union([z.strictObject({ html: z.string() }), z.strictObject({ url: z.string() })]);
const change = z.strictObject({
  ...place,
  set: z.record(z.string(), z.unknown()),
  unset: z.array(z.string().max(100)).max(100),
});
const purge = z.strictObject({ ...place, below: z.string().startsWith("/").max(1000).optional() });
const maintenance = z.strictObject({ on: z.boolean(), page: page.nullable().optional() });
const hold = z.strictObject({ forMs: z.int().optional() });

export function routePoliciesResource({ platform: { routePolicies }, auth }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/routes/info", guard("route:list"), query(z.strictObject(place)), (c) => {
      return c.json(routePolicies.info(c.req.valid("query")));
    })
    .patch("/v1/routes", guard("route:change"), body(change), async (c) => {
      const { set, unset, ...route } = c.req.valid("json");
      const info = await routePolicies.set(c.get("actor"), route, set, unset);
      const parts = [...Object.keys(set), ...unset.map((name) => `-${name}`)].join(" ");
      auth.record(c.get("actor"), `routes:set ${info.url} ${parts}`, {});
      return c.json(info);
    })
    .post("/v1/routes/purge", guard("route:change"), body(purge), async (c) => {
      const { below, ...route } = c.req.valid("json");
      const forgotten = await routePolicies.purge(c.get("actor"), route, below);
      auth.record(c.get("actor"), `routes:purge ${route.domain}${route.path ?? ""}`, {});
      return c.json({ forgotten });
    })
    .get("/v1/apps/:app/maintenance", guard("app:read"), (c) => {
      return c.json(routePolicies.maintenance(parseAppName(c.req.param("app"))));
    })
    .put("/v1/apps/:app/maintenance", guard("app:change", "maintenance"), body(maintenance), async (c) => {
      const { on, page: given } = c.req.valid("json");
      const name = parseAppName(c.req.param("app"));
      return c.json(await routePolicies.setMaintenance(c.get("actor"), name, on, given));
    })
    .get("/v1/apps/:app/errors", guard("app:read"), (c) => {
      return c.json(routePolicies.errorPages(parseAppName(c.req.param("app"))));
    })
    .put("/v1/apps/:app/errors/:code", guard("app:change", "errors:set"), body(page), async (c) => {
      const { app, code } = c.req.param();
      await routePolicies.setErrorPage(c.get("actor"), parseAppName(app), code, c.req.valid("json"));
      return c.json({});
    })
    .delete("/v1/apps/:app/errors/:code", guard("app:change", "errors:unset"), async (c) => {
      const { app, code } = c.req.param();
      await routePolicies.setErrorPage(c.get("actor"), parseAppName(app), code, undefined);
      return c.json({});
    })
    .put("/v1/apps/:app/hold", guard("app:change", "hold"), body(hold), async (c) => {
      const name = parseAppName(c.req.param("app"));
      const until = await routePolicies.hold(c.get("actor"), name, c.req.valid("json").forMs);
      return c.json({ until });
    });
}
