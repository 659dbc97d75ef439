import type { Config, Paths } from "../config/config.ts";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { ConfigVars } from "../core/types.ts";
import { FetchedSources } from "../builds/source/fetched.ts";
import { outwardAddress } from "../builds/source/public-address.ts";
import { folderBytes } from "../docker/build-usage.ts";
import { connectDocker } from "../docker/client.ts";
import { createImageEngine } from "../docker/image-builder.ts";
import { createDockerEngine } from "../docker/instances.ts";
import { createOwnObjects } from "../docker/leftovers.ts";
import { createLogEngine } from "../docker/logs.ts";
import { createNetworks } from "../docker/networks.ts";
import { createServiceRuntime } from "../docker/services.ts";
import { createStackFinder, createStackSource } from "./stack-source.ts";
import type { RequestRecord } from "../router/protocol.ts";
import { archivesDir, createAppBuildpacks, createExternalBuildpacks } from "./buildpacks.ts";
import { createBuildParts } from "./builds.ts";
import { createRemoteSources } from "../git/remote-source.ts";
import { Repositories } from "../git/repositories.ts";
import { createLogs, type Logs } from "../logs/logs.ts";
import type { State } from "./state.ts";

/** The engine with everything of ours that works on it and knows no other part of the daemon. */
export type Runtime = ReturnType<typeof createRuntime>;

export function createRuntime(config: Config, paths: Paths, state: State, log: Log, stack: AsyncDisposableStack) {
  const docker = connectDocker();
  const home = state.installId;
  const networks = createNetworks(docker, home);
  const stackSource = createStackSource(docker, log);
  const logs = stack.use(
    createLogs({
      store: { dir: paths.logs },
      engine: createLogEngine(docker, home),
      resolve: (name) => state.apps.get(name).id,
      log: log.with({ part: "logs" }),
    }),
  );
  const imageEngine = createImageEngine(docker, home);
  const appBuildpacks = createAppBuildpacks(state);
  const allowedHosts = new Set(config.sourceHosts);
  const repositories = new Repositories({
    dir: paths.repos,
    env: process.env,
    addressOf: (host) => outwardAddress(host, allowedHosts),
  });
  const remoteSources = createRemoteSources(repositories);
  const external = createExternalBuildpacks(config.home, remoteSources, allowedHosts, appBuildpacks);
  const stackRefs = createStackFinder(docker);
  const builds = createBuildParts({
    config,
    state,
    imageEngine,
    stackSource,
    stackRefs,
    external,
    log,
  });
  stack.use(builds.builder);
  return {
    docker,
    networks,
    stackSource,
    stackRefs,
    engine: createDockerEngine(docker, home, networks),
    own: createOwnObjects(docker, home),
    serviceRuntime: createServiceRuntime(docker, home),
    logs,
    imageEngine,
    builder: builds.builder,
    builds,
    appBuildpacks,
    repositories,
    remoteSources,
    allowedHosts,
    fetched: new FetchedSources({
      dirs: [repositories.sourcesDir, archivesDir(config.home)],
      budgetBytes: async () => Math.floor((await builds.budgetBytes()) / 10),
      sizeOf: folderBytes,
      now: Date.now,
    }),
  };
}

/** Platform lines of an app's log. */
export function createSay(logs: Logs) {
  return (appId: AppId, process: string, text: string): void =>
    logs.append(appId, { at: Date.now(), source: "paas", process, text });
}

/** What instances get from bindings: one variable per URL, and the object of them all. */
export function bindingEnvOf(services: { environmentOf(appId: AppId): { env: ConfigVars; vcapServices: object } }) {
  return (appId: AppId): ConfigVars => {
    const { env, vcapServices } = services.environmentOf(appId);
    return { ...env, VCAP_SERVICES: JSON.stringify(vcapServices) };
  };
}

/** Request lines of the router, put into the logs of the apps that they are about. */
export function recordRequests(logs: Logs, find: (name: string) => { readonly id: AppId } | undefined) {
  return (records: readonly RequestRecord[]): void => {
    for (const record of records) {
      const app = find(record.app);
      if (app) logs.append(app.id, { at: record.at, source: "router", process: "router", text: record.text });
    }
  };
}
