import { Hono } from "hono";
import type { Guard } from "../guard.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

export function systemResource({ platform: { system } }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/system", guard("system:read"), (c) => c.json(system.info()))
    .get("/v1/whoami", (c) => c.json(c.get("actor")));
}
