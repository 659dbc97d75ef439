import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { ConfigVars } from "../core/types.ts";
import { AppError } from "../core/errors.ts";
import { createExecEngine } from "../docker/exec.ts";
import { createTaskEngine } from "../docker/tasks.ts";
import { currentRelease } from "../releases/changes.ts";
import { environmentOf } from "../releases/environment.ts";
import { defaultCpus, defaultMemoryMb } from "../releases/formation.ts";
import { createTaskStore } from "../store/tasks.ts";
import { createTasks } from "../tasks/tasks.ts";
import type { ReleaseEnvironment } from "../tasks/ports.ts";
import type { Runtime } from "./runtime.ts";
import type { State } from "./state.ts";

/** One-off runs of the current release. */
export function createTaskParts(state: State, runtime: Runtime, bindingEnv: (appId: AppId) => ConfigVars, log: Log) {
  const { networks, docker, logs } = runtime;
  return createTasks({
    store: createTaskStore(state.db),
    engine: createTaskEngine(docker, state.installId, (space, signal) => networks.of(space, signal)),
    exec: createExecEngine(docker, state.installId),
    apps: {
      get: (name) => state.apps.get(name),
      async releaseEnvironment(app): Promise<ReleaseEnvironment> {
        const current = currentRelease(state, app.id);
        if (current === undefined) throw new AppError("APP_NOT_DEPLOYED", { name: app.name });
        const { release, droplet } = current;
        const uris = state.routes.listOf(app.id).map((route) => route.host);
        const env = environmentOf({
          app,
          release,
          droplet,
          bindingEnv: bindingEnv(app.id),
          uris,
          memoryMb: defaultMemoryMb,
          type: "run",
        });
        return {
          version: release.version,
          imageId: droplet.imageId,
          launcher: droplet.launcher,
          processes: release.processes,
          env,
          memoryMb: defaultMemoryMb,
          cpus: defaultCpus,
        };
      },
    },
    logs: {
      append: (appId, line) => logs.append(appId, line),
      watch: (container) => logs.collector.watch(container),
      finish: (containerId) => logs.collector.finish(containerId),
    },
    log: log.with({ part: "tasks" }),
    now: Date.now,
  });
}
