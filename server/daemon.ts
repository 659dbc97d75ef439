import { writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { createApi } from "./api/api.ts";
import { buildSettings } from "./builds/settings.ts";
import type { SystemInfo } from "./api/platform.ts";
import { createSshVerbs } from "./api/ssh-verbs.ts";
import { openApiPort, openApiSocket } from "./api/start.ts";
import { pathsOf, type Config, type Paths } from "./config/config.ts";
import { isAppError } from "./core/errors.ts";
import { createFault } from "./core/fault.ts";
import type { Log } from "./core/log.ts";
import type { AppId } from "./core/ids.ts";
import type { App } from "./core/types.ts";
import { createCertParts } from "./daemon/certs.ts";
import { createAccounts } from "./daemon/accounts.ts";
import { createDestroy } from "./daemon/apps.ts";
import { createBuildpacksPort } from "./daemon/buildpacks.ts";
import { createChangeDeps } from "./daemon/change-deps.ts";
import { createDisk } from "./daemon/disk.ts";
import { Doors } from "./daemon/doors.ts";
import { EngineState } from "./daemon/engine-state.ts";
import { openOperatorLog } from "./daemon/operator-log.ts";
import { createBuilds, createPlatform } from "./daemon/platform.ts";
import { createPushes } from "./daemon/pushes.ts";
import { startReconciling } from "./daemon/reconcile.ts";
import { bindingEnvOf, createRuntime, createSay, recordRequests } from "./daemon/runtime.ts";
import { createSources } from "./daemon/sources.ts";
import { createSchedulerParts, routedTargets } from "./daemon/scheduling.ts";
import { makeHome, openState, type State } from "./daemon/state.ts";
import { createTaskParts } from "./daemon/tasks.ts";
import { openForeignImage } from "./docker/foreign-images.ts";
import { createGitHttp } from "./git/http.ts";
import { Landings } from "./git/landings.ts";
import type { Pushes } from "./git/ports.ts";
import { type SshServerDeps, startSshServer } from "./git/ssh-server.ts";
import { createApps } from "./releases/apps.ts";
import { createChanges } from "./releases/changes.ts";
import { createProcesses } from "./releases/processes.ts";
import { removeDispensable, type RetentionDeps } from "./releases/retention.ts";
import { recoverRecords } from "./releases/recover.ts";
import { timeBoundsMs } from "./router/metrics.ts";
import { ensureRouter, stopRouter } from "./router/process.ts";
import { createRouterPort } from "./routes/router-view.ts";
import { createServices } from "./services/services.ts";
import { livingPid, lockHome } from "./store/lock.ts";
import { createServiceStore } from "./store/services.ts";
import { version } from "./version.ts";

export interface Daemon extends AsyncDisposable {
  readonly info: () => SystemInfo;
}

const bundle = path.join(import.meta.dirname, "..", "dist", "paas.mjs");
const stopTimeoutMs = 20_000;

/**
 * Starts everything, in an order in which each part finds what it needs: state, records in order, router, the engine's
 * observed state, first routing table, then the doors (API, ssh). Disposing stops it in reverse; router and
 * containers go on.
 */
export async function startDaemon(config: Config, env: NodeJS.ProcessEnv): Promise<Daemon> {
  const paths = pathsOf(config.home);
  makeHome(config.home, paths);
  const routerBefore = livingPid(paths.routerPidFile);
  try {
    return await startParts(config, paths, env);
  } catch (err) {
    // A router of this start alone serves nobody. One of before goes on serving; that of another daemon is its own.
    if (routerBefore === undefined && !isAppError(err, "DAEMON_RUNNING")) await stopRouter(paths);
    throw err;
  }
}

async function startParts(config: Config, paths: Paths, env: NodeJS.ProcessEnv): Promise<Daemon> {
  await using stack = new AsyncDisposableStack();
  stack.use(lockHome(config.home, paths.pidFile));
  writeFileSync(paths.pidFile, `${process.pid}\n`);
  stack.defer(() => rm(paths.pidFile, { force: true }));
  const log = openOperatorLog(paths.operatorLog, config.logLevel);
  const stop = new AbortController();
  const state = openState(paths, stack);
  const core = await createCore({ config, paths, env, log, state, signal: stop.signal }, stack);
  const ports = await openDoors(core, stack);
  stack.defer(() => stop.abort(new Error("the daemon stops")));
  log.info("daemon started", { version: version(), home: config.home, ...ports });
  const running = stack.move();
  return {
    info: core.info,
    async [Symbol.asyncDispose]() {
      log.info("daemon stops");
      // What will not end in time is finished or undone by the next start, as after a crash.
      const timer = setTimeout(() => process.exit(0), stopTimeoutMs);
      await running.disposeAsync();
      clearTimeout(timer);
      log.info("daemon stopped");
    },
  };
}

interface Base {
  readonly config: Config;
  readonly paths: Paths;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly state: State;
  readonly signal: AbortSignal;
}

type Core = Awaited<ReturnType<typeof createCore>>;

/** Everything behind the doors. */
async function createCore(base: Base, stack: AsyncDisposableStack) {
  const { config, paths, env, log, state, signal } = base;
  const fault = createFault(env["PAAS_FAULT"]);
  const engineState = new EngineState(log);
  const runtime = createRuntime(config, paths, state, log, stack);
  const router = stack.use(
    await ensureRouter({
      config,
      paths,
      node: process.execPath,
      log: log.with({ part: "router" }),
      key: state.routerKey,
      onRequests: recordRequests(runtime.logs, (name) => state.apps.find(name)),
      signal,
    }),
  );
  const doors = new Doors({ config, isRouterConnected: () => router.isConnected, log });
  const { scheduler, publisher, routes, policies, tcpRoutes, publishRoutes } = createSchedulerParts({
    config,
    state,
    runtime,
    router: () => router,
    apiPort: () => doors.apiPort,
    ownPorts: () => [
      router.httpPort,
      ...(router.httpsPort === undefined ? [] : [router.httpsPort]),
      doors.apiPort,
      doors.sshPort,
    ],
    routerStatus: () => router.status(signal),
    ownRoutes: () => certs.challengeRoutes(),
    hasCertificate: (host) => certs.hasCertificate(host),
    routesChanged: () => certs.wake(),
    log,
    fault,
    engineProblem: engineState.report,
  });
  const certs = stack.use(
    createCertParts({
      config,
      state,
      router: () => router,
      publishRoutes,
      routesAreOut: publisher.released,
      now: Date.now,
      log,
    }),
  );
  stack.use(scheduler);
  const { repositories } = runtime;
  const serviceStore = createServiceStore(state.db, state.sealer);
  const services = createServices({
    runtime: runtime.serviceRuntime,
    networkOf: (space, callSignal) => runtime.networks.of(space, callSignal),
    stack: runtime.stackSource,
    store: serviceStore,
    apps: state.apps,
    redeploy: (...args) => changes.redeploy(...args),
    clock: Date.now,
    log: log.with({ part: "services" }),
  });
  const bindingEnv = bindingEnvOf(services);
  const tasks = stack.use(createTaskParts(state, runtime, bindingEnv, log));
  const setDeployedRef = async (app: App, commit: string) => {
    if (app.deployBranch !== undefined) await repositories.setDeployedRef(app.id, app.deployBranch, commit);
  };
  const deps = createChangeDeps({
    state,
    runtime,
    scheduler,
    tasks: tasks.runner,
    paths,
    log,
    fault,
    bindingEnv,
    urlsOf: (appId) => routes.urlsOf(appId),
    setDeployedRef,
  });
  const changes = createChanges(deps);
  const { destroy, finish } = createDestroy({
    state,
    runtime,
    scheduler,
    publisher,
    publishRoutes,
    services,
    buildLogs: deps.buildLogs,
    removeRepo: (appId) => repositories.removeRepo(appId),
  });
  const apps = createApps({
    apps: state.apps,
    releases: state.releases,
    queue: deps.queue,
    routes,
    async publishRoutes() {
      await publishRoutes();
      certs.wake();
    },
    destroy,
    gitUrls: (name) => gitUrls(config, doors, name),
    say: createSay(runtime.logs),
    now: Date.now,
  });
  const startedAt = Date.now();
  const info = (): SystemInfo => ({
    version: version(),
    home: config.home,
    domain: config.domain,
    httpPort: router.httpPort,
    httpsPort: router.httpsPort,
    sshPort: doors.sshPort,
    apiPort: doors.apiPort,
    pid: process.pid,
    routerPid: router.pid,
    startedAt,
    engineProblem: engineState.problem,
    closedDoors: doors.closed,
  });
  const retention: RetentionDeps = {
    releases: state.releases,
    runningImages: (appId, stop) => runtime.own.runningImages(appId, stop),
    removeImage: (id, stop) => runtime.own.removeImage(id, stop),
    keep: (appId) => buildSettings(state.appSettings, appId).keepDroplets ?? config.keepDroplets,
    log: log.with({ part: "retention" }),
  };
  const tidyUp = async (appId: AppId): Promise<void> => {
    await removeDispensable(retention, appId);
    const { housekeeping } = runtime.builds;
    await housekeeping
      .measure(appId)
      .then(() => housekeeping.clean())
      .then(() => runtime.fetched.clean())
      .catch((err: unknown) => log.warn("layers and caches not looked at", { err }));
    await repositories.tidy([appId], signal).catch((err: unknown) => log.warn("repository not packed", { appId, err }));
  };
  const platform = createPlatform({
    apps,
    processes: createProcesses(deps),
    releases: changes,
    builds: createBuilds({ ...deps, ...runtime.builds, appSettings: state.appSettings }),
    buildpacks: createBuildpacksPort({
      own: runtime.appBuildpacks,
      find: (name) => state.apps.get(name),
      say: createSay(runtime.logs),
    }),
    sources: createSources({
      deps,
      remote: runtime.remoteSources,
      openImage: (...args) => openForeignImage(runtime.docker, state.installId, ...args),
      allowedHosts: runtime.allowedHosts,
      uploadDir: path.join(paths.work, "uploads"),
      tidyUp,
    }),
    routes,
    routePolicies: policies,
    tcpRoutes,
    router: createRouterPort({
      status: () => router.status(signal),
      table: () => publisher.table(),
      pid: () => router.pid,
      httpPort: () => router.httpPort,
      boundsMs: timeBoundsMs,
    }),
    certs: certs.port,
    services,
    logs: runtime.logs.port,
    tasks: tasks.port,
    disk: createDisk({
      state,
      runtime,
      retention,
      home: config.home,
      serviceName: (id) => serviceStore.list().find((service) => service.id === id)?.name,
    }),
    info,
  });

  if (router.httpsPort !== undefined) {
    await certs.serve().catch((err: unknown) => log.error("the router did not take the certificates", { err }));
  }
  const recover = { ...state, workDir: paths.work, now: Date.now, log, setDeployedRef };
  await repositories.sweep(new Set(state.apps.list().map((app) => app.id)));
  await recoverRecords(recover);
  const reconcile = () =>
    startReconciling(
      {
        state,
        runtime,
        scheduler,
        publisher,
        services,
        tasks,
        recover,
        routedBefore: () => routedTargets(path.join(paths.routerDir, "table.json"), state.routerKey, log),
        finishDestroying: finish,
        engineProblem: engineState.report,
        log,
      },
      signal,
    );
  return { ...base, tidyUp, doors, apps, deps, platform, repositories, info, reconcile };
}

/** Opens API and ssh, then takes over what runs. */
async function openDoors(core: Core, stack: AsyncDisposableStack) {
  const { config, paths, log, doors, platform, repositories, signal } = core;
  const { authority, accounts } = createAccounts(core.state);
  const landings = new Landings();
  const pushes: Pushes = createPushes({
    apps: core.apps,
    deps: core.deps,
    authority,
    tidyUp: core.tidyUp,
    shutdown: signal,
  });
  const api = createApi({
    platform,
    auth: authority,
    authorize: (actor, verb, resource) => authority.requireCan(actor, verb, resource),
    accounts,
    gitHttp: createGitHttp({ pushes, repositories, landings, log: log.with({ part: "git" }) }),
    log: log.with({ part: "api" }),
    version: version(),
    domain: config.domain,
    closedDoors: () => doors.closed,
    shutdown: signal,
  });
  stack.use(await openApiSocket(api, paths.socket));
  stack.use(await doors.open("API", () => openApiPort(api, config.apiPort)));
  const ssh: SshServerDeps = {
    identities: authority,
    pushes,
    repositories,
    landings,
    verbs: createSshVerbs({
      node: process.execPath,
      bundle,
      socketPath: paths.socket,
      issueToken: (actor) => accounts.issueToken(actor),
    }),
    log: log.with({ part: "ssh" }),
  };
  const sshOptions = { listen: config.listen, port: config.sshPort, hostKeyFile: paths.hostKey };
  stack.use(await doors.open("ssh", () => startSshServer(ssh, sshOptions)));
  const { done } = await core.reconcile();
  stack.defer(() => done);
  return { apiPort: doors.apiPort, sshPort: doors.sshPort };
}

/** What clients type after `git remote add paas`. */
function gitUrls(config: Config, doors: Pick<Doors, "apiPort" | "sshPort">, name: string) {
  const host = config.listen === "127.0.0.1" ? "127.0.0.1" : config.domain;
  return {
    ssh: `ssh://paas@${host}:${doors.sshPort}/${name}.git`,
    http: `http://127.0.0.1:${doors.apiPort}/${name}.git`,
  };
}
