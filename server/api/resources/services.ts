import { Hono } from "hono";
import { z } from "zod";
import { parseAppName, parseServiceName } from "../../core/ids.ts";
import type { Guard } from "../guard.ts";
import { body, query } from "../input.ts";
import { streamJob } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const newService = z.strictObject({ offering: z.string().max(63), plan: z.string().max(63), name: z.string() });
const userProvided = z.strictObject({ name: z.string(), credentials: z.record(z.string(), z.unknown()) });
const confirmed = z.object({ confirm: z.string().optional() });

export function servicesResource(deps: ApiDeps, guard: Guard) {
  const { services } = deps.platform;
  return new Hono<ApiEnv>()
    .get("/v1/offerings", guard("service:list"), (c) => c.json(services.marketplace()))
    .get("/v1/services", guard("service:list"), (c) => c.json(services.list()))
    .post("/v1/services", guard("service:change"), body(newService), (c) => {
      const { offering, plan, name: raw } = c.req.valid("json");
      const name = parseServiceName(raw);
      deps.auth.record(c.get("actor"), `create-service ${offering} ${plan}`, { service: name });
      return streamJob(deps, (out, signal) => services.create(c.get("actor"), offering, plan, name, out, signal));
    })
    .post("/v1/user-provided-services", guard("service:change"), body(userProvided), (c) => {
      const { name, credentials } = c.req.valid("json");
      const created = services.createUserProvided(c.get("actor"), parseServiceName(name), credentials);
      deps.auth.record(c.get("actor"), "create-user-provided-service", { service: created.name });
      return c.json(created, 201);
    })
    .get("/v1/services/:service", guard("service:list"), (c) => {
      return c.json(services.get(parseServiceName(c.req.param("service"))));
    })
    .delete("/v1/services/:service", guard("service:change", "delete-service"), query(confirmed), (c) => {
      const name = parseServiceName(c.req.param("service"));
      const { confirm } = c.req.valid("query");
      return streamJob(deps, (out, signal) => services.delete(c.get("actor"), name, confirm, out, signal));
    });
}

/** Which app uses which service. A change makes a release when the app is deployed. */
export function bindingsResource(deps: ApiDeps, guard: Guard) {
  const { services } = deps.platform;
  return new Hono<ApiEnv>()
    .put("/v1/services/:service/bindings/:app", guard("service:change"), guard("app:change", "bind-service"), (c) => {
      const app = parseAppName(c.req.param("app"));
      const name = parseServiceName(c.req.param("service"));
      return streamJob(deps, (out, signal) => services.bind(c.get("actor"), app, name, out, signal));
    })
    .delete(
      "/v1/services/:service/bindings/:app",
      guard("service:change"),
      guard("app:change", "unbind-service"),
      (c) => {
        const app = parseAppName(c.req.param("app"));
        const name = parseServiceName(c.req.param("service"));
        return streamJob(deps, (out, signal) => services.unbind(c.get("actor"), app, name, out, signal));
      },
    );
}
