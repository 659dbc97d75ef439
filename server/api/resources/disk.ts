import { Hono } from "hono";
import type { Guard } from "../guard.ts";
import { streamJob } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

export function diskResource(deps: ApiDeps, guard: Guard) {
  const { disk } = deps.platform;
  return new Hono<ApiEnv>()
    .get("/v1/disk", guard("system:read"), async (c) => c.json(await disk.report(deps.shutdown)))
    .post("/v1/disk/clean", guard("system:change", "disk:clean"), (c) => {
      return streamJob(deps, (out, signal) => disk.clean(c.get("actor"), out, signal));
    });
}
