import { once } from "node:events";
import type { AppInfo, Platform, RouteView, ServiceView, TaskStreams } from "../../server/api/platform.ts";
import type { RouteInfo } from "../../server/api/route-policies.ts";
import type { DiskReport } from "../../server/api/disk-report.ts";
import type { AuditView } from "../../server/api/ports.ts";
import { AppError } from "../../server/core/errors.ts";
import {
  defaultSpace,
  parseProcessType,
  web,
  type AppId,
  type AppName,
  type ServiceName,
} from "../../server/core/ids.ts";
import type { FormationEntry, LogLine, Release } from "../../server/core/types.ts";

/** What the fake keeps. Tests set it up and look at it. */
export interface FakeState {
  readonly apps: Map<string, AppInfo>;
  readonly config: Map<string, Record<string, string>>;
  /** Every change, as `scale shop {"web":2} by owner`. */
  readonly done: string[];
  /** What the API noted, the newest first. */
  readonly audit: AuditView[];
  /** Fingerprints of registered keys. */
  readonly keys: string[];
  logLines: readonly LogLine[];
  /** Stands for the command of `run` and `exec`. */
  command: (words: readonly string[], streams: TaskStreams, signal: AbortSignal) => Promise<number>;
  /** What the next config change reports and fails with. */
  problem: string | undefined;
  /** Jobs wait for it after their first line. */
  gate: Promise<void>;
}

const createdAt = Date.parse("2026-01-01T10:00:00Z");

export function fakeState(...names: readonly string[]): FakeState {
  const apps = new Map(names.map((name) => [name, infoOf(name)]));
  return {
    apps,
    config: new Map(),
    done: [],
    audit: [],
    problem: undefined,
    keys: [],
    logLines: [],
    command: echo,
    gate: Promise.resolve(),
  };
}

/** Writes its words, then whatever comes in, and ends with the number of bytes that came. */
const echo: FakeState["command"] = async (words, { stdin, stdout }) => {
  stdout(Buffer.from(`${words.join(" ")}\n`));
  let count = 0;
  for await (const chunk of stdin ?? []) {
    count += chunk.length;
    stdout(Buffer.from(chunk));
  }
  return count;
};

export function infoOf(name: string, deployed = true): AppInfo {
  return {
    app: {
      id: `id${name}` as AppId,
      name: name as AppName,
      space: defaultSpace,
      deployBranch: undefined,
      stopped: false,
      createdAt,
    },
    version: deployed ? 3 : undefined,
    urls: [`http://${name}.localhost`],
    gitSsh: `ssh://paas@localhost:2222/${name}`,
    gitHttp: `http://127.0.0.1:7070/${name}.git`,
  };
}

const diskReport: DiskReport = {
  disk: { freeBytes: 2 ** 30, totalBytes: 2 ** 40, floorBytes: 2 ** 29 },
  apps: [
    {
      app: "shop",
      droplets: { count: 2, bytes: 2 ** 24 },
      cacheBytes: 2 ** 25,
      logBytes: 1,
      buildOutputBytes: 1,
      repositoryBytes: 2 ** 20,
    },
  ],
  services: [{ name: "db", bytes: 2 ** 22 }],
  layers: { count: 3, bytes: 2 ** 26 },
  steps: { count: 4, bytes: 2 ** 23 },
  fetched: { count: 2, bytes: 2 ** 20, budgetBytes: 2 ** 27 },
  stacks: [
    { ref: "paas/stack-run:now", bytes: 2 ** 27, isCurrent: true },
    { ref: "paas/stack-run:before", bytes: 2 ** 27, isCurrent: false },
  ],
  budget: { usedBytes: 2 ** 27, bytes: 2 ** 31 },
  going: [{ what: "shop: droplet of 4f394e9a", bytes: 2 ** 23, why: "no rollback reaches it" }],
  others: { imageCount: 1, imageBytes: 2 ** 20, volumeCount: 0, volumeBytes: 0, buildCacheBytes: 0 },
};

const buildLimits = { memoryBytes: 2 ** 30, cpus: 2, pids: 1024, diskBytes: 2 ** 31, timeoutMs: 900_000 };

const formation: readonly FormationEntry[] = [
  { type: web, count: 1, memoryMb: 512, cpus: 1 },
  { type: parseProcessType("worker"), count: 0, memoryMb: 256, cpus: 0.5 },
];

/** A platform in memory behind the contract of the API. It decides nothing: it notes what it was asked to do. */
export function fakePlatform(state: FakeState): Platform {
  const find = (name: AppName): AppInfo => {
    const found = state.apps.get(name);
    if (found === undefined) throw new AppError("APP_NOT_FOUND", { name });
    return found;
  };
  const note = (text: string) => state.done.push(text);
  const changedBuildpacks = (what: string) => (note(`buildpacks ${what}`), { buildpacks: [], pins: {} });
  return {
    apps: {
      list: () => [...state.apps.values()],
      get: find,
      create: (actor, name) => {
        if (state.apps.has(name)) throw new AppError("APP_EXISTS", { name });
        note(`create ${name} by ${actor.name}`);
        state.apps.set(name, infoOf(name, false));
        return find(name);
      },
      rename: async (_actor, name, to) => {
        find(name);
        state.apps.delete(name);
        state.apps.set(to, infoOf(to));
        return find(to);
      },
      destroy: async (actor, name, confirm, out) => {
        find(name);
        if (confirm !== name) throw new AppError("APP_CONFIRM_MISMATCH", { name });
        out.step(`Destroying ${name}`);
        await state.gate;
        state.apps.delete(name);
        note(`destroy ${name} by ${actor.name}`);
      },
    },
    processes: {
      list: async (name) => {
        find(name);
        const instance = { name: "web.1", type: web, index: 1, version: 3, state: "up", since: createdAt } as const;
        const quiet = { crashes: 0, reason: undefined, nextStartAt: undefined, container: "c1" };
        return { instances: [{ ...instance, ...quiet }], formation, stopped: false };
      },
      formation: (name) => (find(name), formation),
      scale: async (actor, name, counts, out) => {
        find(name);
        out.step("Scaling");
        await state.gate;
        note(`scale ${name} ${JSON.stringify(counts)} by ${actor.name}`);
      },
      limits: async (_actor, name, type, limits) => void note(`limits ${name} ${type} ${JSON.stringify(limits)}`),
      restart: async (_actor, name, type) => void note(`restart ${name} ${type ?? "all"}`),
      stop: async (_actor, name) => void note(`stop ${name}`),
      start: async (_actor, name) => void note(`start ${name}`),
    },
    releases: {
      list: (name) => [releaseOf(find(name))],
      get: (name, version) => {
        if (version !== 3) throw new AppError("RELEASE_NOT_FOUND", { name, version: `v${version}` });
        return releaseOf(find(name));
      },
      config: (name) => (find(name), state.config.get(name) ?? {}),
      setConfig: async (actor, name, change, out) => {
        find(name);
        out.step("Creating the release");
        if (state.problem !== undefined) {
          out.problem(state.problem);
          throw new AppError("DEPLOY_FAILED", { reason: state.problem, hint: "Fix it." });
        }
        await state.gate;
        const merged = Object.entries({ ...state.config.get(name), ...change });
        state.config.set(name, Object.fromEntries(merged.filter((e): e is [string, string] => e[1] !== undefined)));
        note(`config ${name} ${Object.keys(change).join(",")} by ${actor.name}`);
        return 4;
      },
      rollback: async (_actor, name, version, out) => {
        find(name);
        out.step("Rolling back");
        note(`rollback ${name} ${version ?? "previous"}`);
        return 4;
      },
      checks: (name) => (find(name), { web: { path: undefined, bootTimeoutMs: 60_000, settleMs: 3000 } }),
      strategy: (name) => (find(name), "rolling"),
      setStrategy: (_actor, name, strategy) => (find(name), note(`strategy ${name} ${strategy}`)),
      setChecks: async (_actor, name, type, change) =>
        void note(`checks ${name} ${type} ${Object.keys(change).join(",")} path=${change.path}`),
    },
    builds: {
      list: (name) => (find(name), []),
      output: async (name, number) => `-----> build ${number} of ${name}\n`,
      limits: async (name) => (find(name), { limits: buildLimits, own: ["memoryBytes"] }),
      setLimits: async (actor, name, change) => {
        find(name);
        note(`build limits ${name} ${JSON.stringify(change)} by ${actor.name}`);
        return { limits: { ...buildLimits, ...change }, own: ["memoryBytes"] };
      },
      dockerfile: (name) => (find(name), { target: "production" }),
      setDockerfile: (actor, name, change) => {
        find(name);
        note(`dockerfile ${name} ${JSON.stringify(change)} by ${actor.name}`);
        return change ?? {};
      },
      purgeCache: async (actor, name) => {
        find(name);
        note(`cache of ${name} purged by ${actor.name}`);
        return { freedBytes: 2 ** 25 };
      },
      cancel: () => false,
    },
    buildpacks: {
      show: (name) => (find(name), { buildpacks: [{ index: 1, buildpack: "./bp", pin: undefined }], pins: {} }),
      add: (actor, name, text, index) => changedBuildpacks(`add ${name} ${text} at ${index} by ${actor.name}`),
      set: (_actor, name, text, index) => changedBuildpacks(`set ${name} ${text} at ${index}`),
      remove: (_actor, name, entry) => changedBuildpacks(`remove ${name} ${entry.buildpack ?? entry.index}`),
      clear: (_actor, name) => changedBuildpacks(`clear ${name}`),
      update: (_actor, name, text) => (note(`buildpacks update ${name} ${text}`), { updated: ["./bp"] }),
    },
    sources: {
      settings: (name) => (
        find(name), { root: undefined, shippedEnvFiles: [], keepDroplets: undefined, onDisconnect: "cancel" }
      ),
      set: (_actor, name, change) => {
        note(`builds:set ${name} ${JSON.stringify(change)}`);
        return {
          root: change.root ?? undefined,
          shippedEnvFiles: change.shippedEnvFiles ?? [],
          keepDroplets: change.keepDroplets ?? undefined,
          onDisconnect: change.onDisconnect ?? "cancel",
        };
      },
      receive: async (name, content) => {
        find(name);
        let bytes = 0;
        for await (const chunk of content) bytes += chunk.length;
        return {
          path: "/upload",
          digest: `${bytes} bytes`,
          [Symbol.asyncDispose]: async () => void note("upload gone"),
        };
      },
      deploy: async (actor, name, source, out, signal) => {
        find(name);
        out.step(`Deploying ${source.kind}`);
        const isGone = await Promise.race([state.gate.then(() => false), once(signal, "abort").then(() => true)]);
        if (isGone) {
          note(`deploy of ${name} cancelled`);
          signal.throwIfAborted();
        }
        const shown = source.kind === "upload" ? { ...source, upload: source.upload.digest } : source;
        note(`deploy ${name} ${JSON.stringify(shown)} by ${actor.name}`);
        return 4;
      },
    },
    routes: {
      list: () => [],
      map: async (actor, name, route) => {
        note(`map ${name} ${JSON.stringify(route)} by ${actor.name}`);
        return routeOf(route.hostname ? `${route.hostname}.${route.domain}` : route.domain, route.path ?? "/", name);
      },
      unmap: async (_actor, name, route) => void note(`unmap ${name} ${JSON.stringify(route)}`),
      create: (_actor, route) => routeOf(route.domain, route.path ?? "/", undefined),
      delete: async (_actor, route) => void note(`delete route ${JSON.stringify(route)}`),
    },
    routePolicies: {
      info: (route) => routeInfoOf(route.domain, route.path ?? "/"),
      set: async (actor, route, set, unset) => {
        note(`routes:set ${JSON.stringify({ ...route, set, unset })} by ${actor.name}`);
        return routeInfoOf(route.domain, route.path ?? "/");
      },
      purge: async (_actor, route, below) => (note(`purge ${JSON.stringify({ ...route, below })}`), 3),
      maintenance: () => ({ on: false, page: undefined }),
      setMaintenance: async (_actor, name, on, page) => {
        note(`maintenance ${name} ${on} ${JSON.stringify(page)}`);
        return { on, page: page ?? undefined };
      },
      errorPages: () => ({}),
      setErrorPage: async (_actor, name, code, page) => void note(`errors ${name} ${code} ${JSON.stringify(page)}`),
      hold: async (_actor, name, forMs) => (note(`hold ${name} ${forMs}`), forMs && createdAt + forMs),
    },
    tcpRoutes: {
      list: async () => [],
      set: async (_actor, name, request) => {
        note(`tcp ${name} ${JSON.stringify(request)}`);
        const fixed = { space: defaultSpace, appId: undefined, type: web, port: undefined, proxyProtocol: undefined };
        return { ...fixed, listenPort: request.listenPort, appName: name, problem: undefined };
      },
      unmap: async (_actor, name, port) => void note(`tcp unmap ${name} ${port}`),
      delete: async (_actor, port) => void note(`tcp delete ${port}`),
    },
    certs: {
      list: () => [],
      add: () => Promise.reject(new AppError("CERT_KEY_MISMATCH")),
      remove: (_actor, name) => Promise.reject(new AppError("CERT_NOT_FOUND", { name })),
      auto(actor, name, isOn) {
        state.done.push(`certs:auto ${name} ${isOn} by ${actor.name}`);
        return { hosts: [name], app: undefined };
      },
    },
    services: {
      marketplace: () => [
        {
          name: "postgres",
          description: "a database",
          version: "17",
          plans: [{ name: "small", description: "for one app", memoryMb: 256 }],
        },
      ],
      list: () => [],
      get: (name) => serviceOf(name),
      create: async (_actor, _offering, _plan, name, out) => (out.step("Creating"), serviceOf(name)),
      createUserProvided: (_actor, name, credentials) => {
        note(`cups ${name} ${JSON.stringify(credentials)}`);
        return serviceOf(name);
      },
      bind: async (_actor, app, name) => void note(`bind ${app} ${name}`),
      unbind: async (_actor, app, name) => void note(`unbind ${app} ${name}`),
      delete: async (_actor, name, confirm) => void note(`delete service ${name} ${confirm}`),
    },
    logs: {
      recent: async () => state.logLines,
      async *tail(_name, _filter, signal) {
        try {
          yield* state.logLines;
          if (!signal.aborted) await once(signal, "abort");
        } finally {
          note("tail ended");
        }
      },
    },
    tasks: {
      run: async (_actor, name, words, streams, signal) => (find(name), state.command(words, streams, signal)),
      runDetached: async (actor, name, command) => {
        note(`detached ${name} ${JSON.stringify(command)}`);
        return {
          number: 7,
          version: 3,
          command,
          status: "running",
          exitCode: undefined,
          actor: actor.name,
          createdAt,
          finishedAt: undefined,
        };
      },
      list: () => [],
      exec: async (_actor, name, instance, words, streams, signal) => {
        find(name);
        return state.command([instance, ...words], streams, signal);
      },
    },
    router: {
      status: async () => ({
        pid: 2,
        httpPort: 80,
        workers: 1,
        rssBytes: [50_000_000],
        requests: 3,
        inFlight: 1,
        failures: { H12: 1 },
        cache: { entries: 0, bytes: 0 },
        apps: [],
        instances: [],
      }),
      metrics: async () => "paas_router_cache_bytes 0\n",
    },
    disk: {
      report: async () => diskReport,
      clean: async (actor, out) => {
        out.step("Removing");
        note(`clean by ${actor.name}`);
        return { freedBytes: 7 };
      },
    },
    system: {
      info: () => ({
        version: "1.2.3",
        home: "/srv/paas",
        domain: "localhost",
        httpPort: 80,
        httpsPort: 443,
        sshPort: 2222,
        apiPort: 7070,
        pid: 1,
        routerPid: 2,
        startedAt: createdAt,
        engineProblem: undefined,
        closedDoors: [],
      }),
    },
  };
}

function releaseOf({ app }: AppInfo): Release & { readonly current: boolean } {
  return {
    appId: app.id,
    version: 3,
    dropletId: "d1",
    commit: "4f394e9".padEnd(40, "0"),
    config: { SECRET: "hunter2" },
    processes: [{ type: web, command: "npm start" }],
    checks: {},
    description: "Deploy 4f394e9",
    actor: "ann",
    status: "succeeded",
    reason: undefined,
    createdAt,
    current: true,
  };
}

function routeOf(host: string, path: string, app: AppName | undefined): RouteView {
  const target = { appId: app && (`id${app}` as AppId), appName: app, type: web, port: undefined };
  return { id: "r1", host, path, space: defaultSpace, ...target, url: `http://${host}${path === "/" ? "" : path}` };
}

function routeInfoOf(host: string, path: string): RouteInfo {
  const policy = { compress: true, basicAuth: { users: ["ann"] } };
  return { ...routeOf(host, path, undefined), policy, maintenance: false, heldUntil: undefined, shares: [] };
}

function serviceOf(name: ServiceName): ServiceView {
  const fields = { offering: "postgres", plan: "small", status: "ready", createdAt } as const;
  return { id: "s1", name, space: defaultSpace, ...fields, bindings: [] };
}
