import { Hono } from "hono";
import { z } from "zod";
import { parseAppName, parseProcessType } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body } from "../input.ts";
import { streamJob } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const scale = z.strictObject({ counts: z.record(z.string(), z.int().min(0, "0 to 100").max(100, "0 to 100")) });
const restart = z.strictObject({ type: z.string().optional() });
const limits = z
  .strictObject({
    memoryMb: z.int().min(16, "at least 16 MB").max(1_048_576, "at most 1 TB").optional(),
    cpus: z.number().min(0.01, "at least 0.01").max(1024, "at most 1024").optional(),
  })
  .refine((value) => value.memoryMb !== undefined || value.cpus !== undefined, "give memoryMb, cpus or both");

export function processesResource(deps: ApiDeps, guard: Guard) {
  const { processes } = deps.platform;
  return new Hono<ApiEnv>()
    .get("/v1/apps/:app/processes", guard("app:read"), async (c) => {
      return c.json(await processes.list(parseAppName(c.req.param("app"))));
    })
    .get("/v1/apps/:app/formation", guard("app:read"), (c) => {
      return c.json(processes.formation(parseAppName(c.req.param("app"))));
    })
    .post("/v1/apps/:app/scale", guard("app:change", "ps:scale"), body(scale), (c) => {
      const name = parseAppName(c.req.param("app"));
      const { counts } = c.req.valid("json");
      return streamJob(deps, (out, signal) => processes.scale(c.get("actor"), name, counts, out, signal));
    })
    .patch("/v1/apps/:app/limits/:type", guard("app:change", "limits:set"), body(limits), (c) => {
      const name = parseAppName(c.req.param("app"));
      const type = parseProcessType(c.req.param("type"));
      const change = definedOnly(c.req.valid("json"));
      return streamJob(deps, (out, signal) => processes.limits(c.get("actor"), name, type, change, out, signal));
    })
    .post("/v1/apps/:app/restart", guard("app:change", "ps:restart"), body(restart), (c) => {
      const name = parseAppName(c.req.param("app"));
      const raw = c.req.valid("json").type;
      const type = raw === undefined ? undefined : parseProcessType(raw);
      return streamJob(deps, (out, signal) => processes.restart(c.get("actor"), name, type, out, signal));
    })
    .post("/v1/apps/:app/stop", guard("app:change", "ps:stop"), (c) => {
      const name = parseAppName(c.req.param("app"));
      return streamJob(deps, (out, signal) => processes.stop(c.get("actor"), name, out, signal));
    })
    .post("/v1/apps/:app/start", guard("app:change", "ps:start"), (c) => {
      const name = parseAppName(c.req.param("app"));
      return streamJob(deps, (out, signal) => processes.start(c.get("actor"), name, out, signal));
    });
}

function definedOnly(change: z.output<typeof limits>): { memoryMb?: number; cpus?: number } {
  return {
    ...(change.memoryMb === undefined ? {} : { memoryMb: change.memoryMb }),
    ...(change.cpus === undefined ? {} : { cpus: change.cpus }),
  };
}
