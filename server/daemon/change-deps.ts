import type { Fault } from "../core/fault.ts";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { App, ConfigVars } from "../core/types.ts";
import type { Paths } from "../config/config.ts";
import { readSource } from "../builds/source/read-source.ts";
import { buildSettings } from "../builds/settings.ts";
import { createScriptRunner } from "../docker/kept-script.ts";
import { maskOutput, secretsOf } from "../builds/masking.ts";
import { createBuildLogs } from "../releases/build-log.ts";
import type { ChangeDeps } from "../releases/changes.ts";
import type { TaskRunner } from "../releases/ports.ts";
import { AppQueue } from "../releases/queue.ts";
import type { ProcessDeps } from "../releases/processes.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import { createSay, type Runtime } from "./runtime.ts";
import type { State } from "./state.ts";

export interface ChangeParts {
  readonly state: State;
  readonly runtime: Runtime;
  readonly scheduler: Scheduler;
  readonly tasks: TaskRunner;
  readonly paths: Paths;
  readonly log: Log;
  readonly fault: Fault;
  readonly bindingEnv: (appId: AppId) => ConfigVars;
  readonly urlsOf: (appId: AppId) => readonly string[];
  readonly setDeployedRef: (app: App, commit: string) => Promise<void>;
}

/** What pushes and changes work with, from the parts of the daemon. */
export function createChangeDeps(
  parts: ChangeParts,
): ChangeDeps & ProcessDeps & { readonly buildLogs: ReturnType<typeof createBuildLogs> } {
  const { state, runtime, scheduler, paths, log } = parts;
  const buildLogs = createBuildLogs(paths.builds, (appId, process, text) =>
    runtime.logs.append(appId, { at: Date.now(), source: "build", process, text }),
  );
  return {
    buildLogs,
    apps: state.apps,
    releases: state.releases,
    queue: new AppQueue(),
    scheduler,
    settings: state.appSettings,
    readSource: (app, dir, isImage, out) => {
      const settings = buildSettings(state.appSettings, app.id);
      return readSource(app.name, dir, isImage ? { ...settings, root: "" } : settings, out);
    },
    builder: runtime.builder,
    scripts: createScriptRunner(runtime.docker, state.installId, (space, signal) => runtime.networks.of(space, signal)),
    tasks: parts.tasks,
    bindingEnv: parts.bindingEnv,
    urlsOf: parts.urlsOf,
    setDeployedRef: parts.setDeployedRef,
    buildOutput: (app, build, pusher) => buildLogs.open(app, build, pusher),
    masked: (out, vars) => maskOutput(out, secretsOf(vars)),
    say: createSay(runtime.logs),
    workDir: paths.work,
    now: Date.now,
    log: log.with({ part: "releases" }),
    fault: parts.fault,
    imageExists: (imageId) => runtime.own.imageExists(imageId, AbortSignal.timeout(30_000)),
    statuses: (appId) => scheduler.statuses(appId),
  };
}
