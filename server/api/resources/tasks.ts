import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body } from "../input.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

export const command = z.array(z.string().max(131_072)).min(1).max(1000);
const detached = z.strictObject({ command });

/** Attached runs are streams of their own: see streams.ts. */
export function tasksResource({ platform: { tasks } }: ApiDeps, guard: Guard) {
  return new Hono<ApiEnv>()
    .get("/v1/apps/:app/tasks", guard("app:read"), (c) => c.json(tasks.list(parseAppName(c.req.param("app")))))
    .post("/v1/apps/:app/tasks", guard("app:run", "run:detached"), body(detached), async (c) => {
      const name = parseAppName(c.req.param("app"));
      return c.json(await tasks.runDetached(c.get("actor"), name, c.req.valid("json").command), 201);
    });
}
