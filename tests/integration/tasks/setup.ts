import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TaskStreams } from "../../../server/api/platform.ts";
import { type AppName, defaultSpace, newId, type AppId } from "../../../server/core/ids.ts";
import { silentLog } from "../../../server/core/log.ts";
import type { Actor, App, ConfigVars, ProcessCommand } from "../../../server/core/types.ts";
import { createExecEngine } from "../../../server/docker/exec.ts";
import { createLogEngine } from "../../../server/docker/logs.ts";
import { createTaskEngine } from "../../../server/docker/tasks.ts";
import { createLogs } from "../../../server/logs/logs.ts";
import { createAppStore } from "../../../server/store/apps.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { createSealer } from "../../../server/core/seal.ts";
import { createTaskStore } from "../../../server/store/tasks.ts";
import { createTasks, type Tasks, type TasksDeps } from "../../../server/tasks/tasks.ts";
import { openTestEngine } from "../../support/engine.ts";

export const actor: Actor = { kind: "owner", name: "owner" };
export const shop = "shop" as AppName;

export interface ReleaseOptions {
  readonly processes?: readonly ProcessCommand[];
  readonly env?: ConfigVars;
  readonly memoryMb?: number;
}

/** Tasks of an installation of its own, on the real engine, a real database file and real logs. */
export async function startTasks(release: ReleaseOptions = {}) {
  const stack = new AsyncDisposableStack();
  const dir = await mkdtemp(path.join(tmpdir(), "paas-tasks-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const engine = stack.use(await openTestEngine());
  const { docker, home, runImage } = engine;
  const { db } = stack.use(openDatabase(path.join(dir, "paas.db")));
  const apps = createAppStore(db, createSealer(Buffer.alloc(32, 7)));
  const app: App = {
    id: newId() as AppId,
    name: shop,
    space: defaultSpace,
    deployBranch: undefined,
    stopped: false,
    createdAt: Date.now(),
  };
  apps.insert(app);
  const store = createTaskStore(db);
  const logs = stack.use(
    createLogs({
      store: { dir: path.join(dir, "logs") },
      engine: createLogEngine(docker, home),
      resolve: (name) => apps.get(name).id,
      log: silentLog,
    }),
  );

  /** As a daemon that has just started on the same home. */
  const boot = (more: Partial<TasksDeps> = {}): Tasks =>
    createTasks({
      store,
      engine: createTaskEngine(docker, home, async () => "bridge"),
      exec: createExecEngine(docker, home),
      apps: {
        get: (name) => apps.get(name),
        releaseEnvironment: async () => ({
          version: 7,
          imageId: runImage,
          launcher: ["/bin/bash", "-c"],
          processes: release.processes ?? [],
          env: { GREETING: "hi", ...release.env },
          memoryMb: release.memoryMb ?? 256,
          cpus: 1,
        }),
      },
      logs: {
        append: (appId, line) => logs.append(appId, line),
        watch: (container) => logs.collector.watch(container),
        finish: (containerId) => logs.collector.finish(containerId),
      },
      log: silentLog,
      now: Date.now,
      ...more,
    });
  const tasks = stack.use(boot());

  const containers = async () => {
    const found = await docker.listContainers({
      all: true,
      filters: { label: [`paas.home=${home}`, "paas.kind=task"] },
    });
    return found.map(({ Id }) => docker.getContainer(Id));
  };
  const logTexts = async () =>
    (await logs.port.recent(shop, { lines: 10_000 })).map((line) => `${line.source}[${line.process}] ${line.text}`);
  return {
    ...engine,
    app,
    tasks,
    store,
    logs,
    boot,
    containers,
    logTexts,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export interface Captured extends TaskStreams {
  readonly out: () => Buffer;
  readonly err: () => string;
  readonly resize: (columns: number, rows: number) => void;
}

/** Streams that keep everything. */
export function capture(more: Partial<Pick<TaskStreams, "stdin" | "tty">> = {}): Captured {
  const out: Uint8Array[] = [];
  const err: Uint8Array[] = [];
  let resizeTo: ((columns: number, rows: number) => void) | undefined;
  return {
    stdin: more.stdin,
    tty: more.tty,
    stdout: (chunk) => out.push(Buffer.from(chunk)),
    stderr: (chunk) => err.push(Buffer.from(chunk)),
    onResize: (resize) => {
      resizeTo = resize;
    },
    out: () => Buffer.concat(out),
    err: () => Buffer.concat(err).toString(),
    resize: (columns, rows) => resizeTo?.(columns, rows),
  };
}

export const soon = () => AbortSignal.timeout(60_000);
