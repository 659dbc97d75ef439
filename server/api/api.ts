import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { ApiProblem, toWireError } from "./failure.ts";
import { createGuard } from "./guard.ts";
import { checkHost, identify, type ApiEnv } from "./peer.ts";
import type { ApiDeps } from "./ports.ts";
import { accountsResource } from "./resources/accounts.ts";
import { appsResource } from "./resources/apps.ts";
import { buildpacksResource } from "./resources/buildpacks.ts";
import { buildsResource } from "./resources/builds.ts";
import { diskResource } from "./resources/disk.ts";
import { certsResource } from "./resources/certs.ts";
import { checksResource } from "./resources/checks.ts";
import { configResource } from "./resources/config.ts";
import { logsResource } from "./resources/logs.ts";
import { processesResource } from "./resources/processes.ts";
import { releasesResource } from "./resources/releases.ts";
import { routePoliciesResource } from "./resources/route-policies.ts";
import { routesResource } from "./resources/routes.ts";
import { bindingsResource, servicesResource } from "./resources/services.ts";
import { archivePath, sourcesResource } from "./resources/sources.ts";
import { systemResource } from "./resources/system.ts";
import { tcpRoutesResource } from "./resources/tcp-routes.ts";
import { tasksResource } from "./resources/tasks.ts";
import { createUpgrade, type Upgrade } from "./streams.ts";

/** Everything but a push and an archive comes in less. */
const maxBodyBytes = 1024 * 1024;

/** Of git's smart HTTP protocol, with or without `.git`. They come before the limit on bodies. */
const gitPaths = ["info/refs", "git-upload-pack", "git-receive-pack"].map((end) => `/:repository/${end}`);

export interface Api {
  readonly app: Hono<ApiEnv>;
  /** Takes over connections that ask for an interactive stream. */
  readonly upgrade: Upgrade;
}

/** The API over what the daemon supplies. No CORS headers: a page of another origin has no business here. */
export function createApi(deps: ApiDeps): Api {
  const app = new Hono<ApiEnv>();
  app.onError((err, c) => {
    const error = toWireError(err, deps.log);
    // Git asks its credential helper only after this header.
    if (error.status === 401) c.header("www-authenticate", 'Basic realm="paas"');
    return c.json({ error }, error.status as ContentfulStatusCode);
  });
  app.notFound((c) => {
    const error = toWireError(new ApiProblem("ENDPOINT_NOT_FOUND"), deps.log);
    return c.json({ error }, 404);
  });
  app.use(async (c, next) => {
    checkHost(c.env.peer, { host: c.req.header("host") }, deps.domain);
    await next();
  });
  // 200 is a promise that everything that clients use can be reached.
  app.get("/healthz", (c) => {
    const closed = deps.closedDoors();
    return c.json({ ok: closed.length === 0, version: deps.version, closed }, closed.length === 0 ? 200 : 503);
  });
  app.use(async (c, next) => {
    c.set("actor", identify(c.env.peer, c.req.header("authorization"), deps.auth));
    await next();
  });
  app.on(["GET", "POST"], gitPaths, async (c) => {
    await deps.gitHttp(c.env.incoming, c.env.outgoing, c.get("actor"));
    return RESPONSE_ALREADY_SENT;
  });
  const limited = bodyLimit({ maxSize: maxBodyBytes, onError: () => tooLarge() });
  app.use((c, next) => (archivePath.test(c.req.path) ? next() : limited(c, next)));
  app.route("/", resources(deps));
  return { app, upgrade: createUpgrade(deps) };
}

function tooLarge(): never {
  throw new ApiProblem("BODY_TOO_LARGE");
}

function resources(deps: ApiDeps) {
  const guard = createGuard(deps.authorize, (actor, action, resource) => deps.auth.record(actor, action, resource));
  return new Hono<ApiEnv>()
    .route("/", systemResource(deps, guard))
    .route("/", diskResource(deps, guard))
    .route("/", appsResource(deps, guard))
    .route("/", processesResource(deps, guard))
    .route("/", configResource(deps, guard))
    .route("/", releasesResource(deps, guard))
    .route("/", checksResource(deps, guard))
    .route("/", buildsResource(deps, guard))
    .route("/", buildpacksResource(deps, guard))
    .route("/", sourcesResource(deps, guard))
    .route("/", logsResource(deps, guard))
    .route("/", routesResource(deps, guard))
    .route("/", routePoliciesResource(deps, guard))
    .route("/", tcpRoutesResource(deps, guard))
    .route("/", certsResource(deps, guard))
    .route("/", servicesResource(deps, guard))
    .route("/", bindingsResource(deps, guard))
    .route("/", tasksResource(deps, guard))
    .route("/", accountsResource(deps, guard));
}

/** Paths, inputs and outputs, for clients: `hc<ApiType>` of hono/client, or the CLI's own. */
export type ApiType = ReturnType<typeof resources>;
