import type { Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import { createSealer } from "../core/seal.ts";
import type { Config } from "../config/config.ts";
import type { RouterControl, TableRoute } from "../router/protocol.ts";
import { loadTable } from "../router/table-file.ts";
import { strategyOf } from "../releases/app-settings.ts";
import { readDesired } from "../releases/desired-state.ts";
import { RoutePublisher } from "../routes/publisher.ts";
import type { RouterStatus } from "../router/wire.ts";
import { createTcpRoutes } from "../routes/tcp-routes.ts";
import { createRoutePolicies } from "../routes/policies.ts";
import { createRoutes } from "../routes/routes.ts";
import { defaultSpace, type AppId } from "../core/ids.ts";
import { probe } from "../scheduler/probe.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import { createSay, type Runtime } from "./runtime.ts";
import type { State } from "./state.ts";

export interface SchedulingInput {
  readonly config: Config;
  readonly state: State;
  readonly runtime: Runtime;
  readonly router: () => RouterControl;
  /** Where the API listens on loopback. */
  readonly apiPort: () => number;
  /** Ports that the platform itself listens on. */
  readonly ownPorts: () => readonly number[];
  readonly routerStatus: () => Promise<RouterStatus>;
  readonly log: Log;
  readonly fault: Fault;
  /** Rows of the table beside those of apps. */
  readonly ownRoutes: () => readonly TableRoute[];
  readonly hasCertificate: (host: string) => boolean;
  /** Routes have come or gone. */
  readonly routesChanged: () => void;
  readonly engineProblem: (problem: string | undefined) => void;
}

const drainMs = 30_000;
const graceMs = 30_000;
const publishTimeoutMs = 15_000;

/** Scheduler, routes and what pushes the table to the router. */
export function createSchedulerParts(input: SchedulingInput) {
  const { config, state, runtime, log } = input;
  const publisher = new RoutePublisher({
    control: input.router,
    routes: () => state.routes.list(),
    appName: (appId) => state.apps.getById(appId)?.name,
    policies: () => policies.compile(),
    shares: () => state.routeShares.list(),
    tcp: () => state.tcpRoutes.list(),
    front: {
      workers: config.routerWorkers,
      trustedProxies: config.trustedProxies,
      proxyProtocol: config.proxyProtocol,
    },
    own: () => [apiRoute(config, input.apiPort()), ...input.ownRoutes()],
  });
  const scheduler = new Scheduler({
    engine: runtime.engine,
    routing: publisher,
    probe,
    now: Date.now,
    log: log.with({ part: "scheduler" }),
    desired: (appId) => readDesired({ ...state, strategy: (id) => strategyOf(state.appSettings, id) }, appId),
    promote: (generationId) => promote(state, generationId),
    fail: (generationId, reason) => {
      const generation = state.releases.generation(generationId);
      if (generation?.status === "active") state.releases.failGeneration(generation, reason);
    },
    say: createSay(runtime.logs),
    started: (container) =>
      runtime.logs.collector.watch({ ...container, process: `${container.type}.${container.index}` }),
    beforeRemove: (containerId) => runtime.logs.collector.finish(containerId),
    engineProblem: input.engineProblem,
    fault: input.fault,
    drainMs,
    graceMs,
  });
  const mapped = (appId: AppId) => scheduler.trigger(appId);
  const publishRoutes = () => publisher.refresh(AbortSignal.timeout(publishTimeoutMs));
  const routes = createRoutes({
    store: state.routes,
    shares: state.routeShares,
    apps: state.apps,
    changed: async () => {
      await publishRoutes();
      input.routesChanged();
    },
    mapped,
    domain: config.domain,
    httpPort: () => input.router().httpPort,
    httpsPort: () => input.router().httpsPort,
    hasCertificate: input.hasCertificate,
    space: defaultSpace,
    now: Date.now,
  });
  const policies = createRoutePolicies({
    store: state.routePolicies,
    settings: state.appSettings,
    shares: state.routeShares,
    apps: state.apps,
    find: (request) => routes.lookup(request),
    changed: publishRoutes,
    purge: (what) => input.router().purge(what, AbortSignal.timeout(publishTimeoutMs)),
    now: Date.now,
  });
  const tcpRoutes = createTcpRoutes({
    store: state.tcpRoutes,
    apps: state.apps,
    changed: publishRoutes,
    mapped,
    problems: async () => (await input.routerStatus()).tcpProblems,
    ownPorts: input.ownPorts,
    space: defaultSpace,
    now: Date.now,
  });
  return { scheduler, publisher, routes, policies, tcpRoutes, publishRoutes };
}

function promote(state: State, generationId: string): boolean {
  const generation = state.releases.generation(generationId);
  if (generation?.status !== "active") return false;
  state.releases.promote(generation);
  return true;
}

/** The API is reachable by the router too. */
function apiRoute(config: Config, port: number): TableRoute {
  return {
    host: `paas.${config.domain}`,
    path: "/",
    app: undefined,
    state: "running",
    targets: [{ id: "api", name: "api", host: "127.0.0.1", port }],
  };
}

/** Container ids in the table that the router keeps on disk; none when it has no table. */
export function routedTargets(tableFile: string, key: Buffer, log: Log): ReadonlySet<string> {
  try {
    const targets = loadTable(tableFile, createSealer(key))?.routes.flatMap((route) => route.targets) ?? [];
    return new Set(targets.map((target) => target.id));
  } catch (err) {
    log.warn("the router's table cannot be read", { err });
    return new Set();
  }
}
