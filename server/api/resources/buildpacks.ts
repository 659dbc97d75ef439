import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const buildpack = z.string().min(1).max(1000);
const index = z.int().min(1, "the first is 1").max(1000);
const placed = z.strictObject({ buildpack, index: index.optional() });
const named = z
  .strictObject({ buildpack: buildpack.optional(), index: index.optional() })
  .refine((value) => (value.buildpack === undefined) !== (value.index === undefined), "give a buildpack or an index");
const updated = z.strictObject({ buildpack: buildpack.optional() });

export function buildpacksResource(deps: ApiDeps, guard: Guard) {
  const { buildpacks } = deps.platform;
  const at = "/v1/apps/:app/buildpacks";
  return new Hono<ApiEnv>()
    .get(at, guard("app:read"), (c) => c.json(buildpacks.show(parseAppName(c.req.param("app")))))
    .post(at, guard("app:change", "buildpacks:add"), body(placed), (c) => {
      const { buildpack: text, index: place } = c.req.valid("json");
      return c.json(buildpacks.add(c.get("actor"), parseAppName(c.req.param("app")), text, place));
    })
    .put(at, guard("app:change", "buildpacks:set"), body(placed), (c) => {
      const { buildpack: text, index: place } = c.req.valid("json");
      return c.json(buildpacks.set(c.get("actor"), parseAppName(c.req.param("app")), text, place));
    })
    .post("/v1/apps/:app/buildpacks/remove", guard("app:change", "buildpacks:remove"), body(named), (c) => {
      return c.json(buildpacks.remove(c.get("actor"), parseAppName(c.req.param("app")), c.req.valid("json")));
    })
    .post("/v1/apps/:app/buildpacks/update", guard("app:change", "buildpacks:update"), body(updated), (c) => {
      const { buildpack: text } = c.req.valid("json");
      return c.json(buildpacks.update(c.get("actor"), parseAppName(c.req.param("app")), text));
    })
    .delete(at, guard("app:change", "buildpacks:clear"), (c) => {
      return c.json(buildpacks.clear(c.get("actor"), parseAppName(c.req.param("app"))));
    });
}
