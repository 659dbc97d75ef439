import { writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { createApi } from "./api/api.ts";
import { createSshVerbs } from "./api/ssh-verbs.ts";
import { startApi } from "./api/start.ts";
import type { SystemInfo } from "./api/platform.ts";
import { pathsOf, type Config } from "./config/config.ts";
import { createFault } from "./core/fault.ts";
import { createAccounts } from "./daemon/accounts.ts";
import { createDestroy } from "./daemon/apps.ts";
import { createChangeDeps } from "./daemon/change-deps.ts";
import { openOperatorLog } from "./daemon/operator-log.ts";
import { createBuilds, createPlatform } from "./daemon/platform.ts";
import { createPushes } from "./daemon/pushes.ts";
import { startReconciling } from "./daemon/reconcile.ts";
import { bindingEnvOf, createRuntime, createSay, recordRequests } from "./daemon/runtime.ts";
import { createSchedulerParts } from "./daemon/scheduling.ts";
import { makeHome, openState } from "./daemon/state.ts";
import { createTaskParts } from "./daemon/tasks.ts";
import { startGit } from "./git/start.ts";
import { createApps } from "./releases/apps.ts";
import { createChanges } from "./releases/changes.ts";
import { createProcesses } from "./releases/processes.ts";
import { recoverRecords } from "./releases/recover.ts";
import { ensureRouter } from "./router/process.ts";
import { createServices } from "./services/services.ts";
import { lockHome } from "./store/lock.ts";
import { createServiceStore } from "./store/services.ts";
import { version } from "./version.ts";

export interface Daemon extends AsyncDisposable {
  readonly info: () => SystemInfo;
}

const bundle = path.join(import.meta.dirname, "..", "dist", "paas.mjs");

/**
 * Starts everything, in an order in which each part finds what it needs: state, records in order, router, engine's
 * observed state, first routing table, then the doors (API, ssh). Disposing stops it in reverse; router and
 * containers go on.
 */
export async function startDaemon(config: Config, env: NodeJS.ProcessEnv): Promise<Daemon> {
  const paths = pathsOf(config.home);
  makeHome(config.home, paths);
  await using stack = new AsyncDisposableStack();
  stack.use(lockHome(config.home, paths.pidFile));
  writeFileSync(paths.pidFile, `${process.pid}\n`);
  stack.defer(() => rm(paths.pidFile, { force: true }));
  const log = openOperatorLog(paths.operatorLog, config.logLevel);
  const fault = createFault(env["PAAS_FAULT"]);
  const stop = new AbortController();
  const startedAt = Date.now();
  let problem: string | undefined;
  const engineProblem = (found: string | undefined) => {
    if (found !== problem) log.warn(found === undefined ? "the engine answers again" : "the engine does not answer", { problem: found });
    problem = found;
  };

  const state = openState(paths, stack);
  const accounts = createAccounts(state);
  const runtime = createRuntime(config, paths, state, log, stack);
  const router = stack.use(
    await ensureRouter({
      config,
      paths,
      node: process.execPath,
      log: log.with({ part: "router" }),
      onRequests: recordRequests(runtime.logs, (name) => state.apps.find(name)),
      signal: stop.signal,
    }),
  );
  let apiPort = config.apiPort;
  const scheduling = createSchedulerParts({
    config,
    state,
    runtime,
    router: () => router,
    apiPort: () => apiPort,
    log,
    fault,
    engineProblem,
  });
  const { scheduler, publisher, routes, publishRoutes } = scheduling;
  stack.use(scheduler);
  const services = createServices({
    runtime: runtime.serviceRuntime,
    networkOf: (space, signal) => runtime.networks.of(space, signal),
    stack: runtime.stackSource,
    store: createServiceStore(state.db, state.sealer),
    apps: state.apps,
    redeploy: (...args) => changes.redeploy(...args),
    clock: Date.now,
    log: log.with({ part: "services" }),
  });
  const bindingEnv = bindingEnvOf(services);
  const tasks = stack.use(createTaskParts(state, runtime, bindingEnv, log));
  const git = startGit();
  const deps = createChangeDeps({
    state,
    runtime,
    scheduler,
    tasks: tasks.runner,
    paths,
    log,
    fault,
    bindingEnv,
    urlsOf: routes.urlsOf,
    setDeployedRef: git.setDeployedRef,
  });
  const changes = createChanges(deps);
}
