import { AppError } from "../core/errors.ts";
import { parseProcessType, type AppId, type ProcessType } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { App, FormationEntry, InstanceStatus } from "../core/types.ts";
import type { ProcessesPort } from "../api/platform.ts";
import { assertUp, currentRelease, queued } from "./changes.ts";
import type { ReleaseDeps } from "./deps.ts";
import { defaultCpus, defaultMemoryMb, formationFor, scalableTypes } from "./formation.ts";
import { decisions } from "./app-settings.ts";
import { rollOut } from "./rollout.ts";

export interface ProcessDeps extends ReleaseDeps {
  readonly statuses: (appId: AppId) => Promise<readonly InstanceStatus[]>;
}

const stopDeadlineMs = 150_000;
const startDeadlineMs = 180_000;
const maxCount = 100;

/** Scale, restart, stop, start: what changes instances and no release. */
export function createProcesses(deps: ProcessDeps): ProcessesPort {
  const formationOf = (app: App): readonly FormationEntry[] => {
    const current = currentRelease(deps, app.id);
    const known = deps.apps.formation(app.id);
    return current === undefined ? known : formationFor(scalableTypes(current.release.processes), known);
  };

  const entryOf = (app: App, type: ProcessType): FormationEntry => {
    const entries = formationOf(app);
    const found = entries.find((entry) => entry.type === type);
    if (found) return found;
    if (currentRelease(deps, app.id) !== undefined) {
      const types = entries.map((entry) => entry.type).join(", ");
      throw new AppError("PROCESS_TYPE_UNKNOWN", { name: app.name, type, types });
    }
    return { type, count: 0, memoryMb: defaultMemoryMb, cpus: defaultCpus };
  };

  const converge = async (
    app: App,
    types: readonly ProcessType[] | undefined,
    out: Output,
    signal: AbortSignal,
    ms: number,
  ) => {
    const deadline = AbortSignal.timeout(ms);
    const options = types === undefined ? { untilGone: true } : { types };
    try {
      const result = await deps.scheduler.converge(app.id, AbortSignal.any([signal, deadline]), options);
      assertUp(deps, app.id, result, out);
    } catch (err) {
      if (!deadline.aborted || signal.aborted) throw err;
      const reason = `"${app.name}" was not as asked for within ${ms / 1000} s; it is still worked on.`;
      throw new AppError(
        "DEPLOY_FAILED",
        { reason, hint: `See how far it is with: paas ps -a ${app.name}` },
        { cause: err },
      );
    }
  };

  const restart = async (
    app: App,
    title: string,
    onlyType: ProcessType | undefined,
    out: Output,
    signal: AbortSignal,
  ) => {
    await queued(deps, app, title, out, signal, async (workSignal) => {
      const current = requireRelease(deps, app);
      const options = onlyType === undefined ? {} : { onlyType };
      assertUp(deps, app.id, await rollOut(deps, app, current.release, out, workSignal, options), out);
    });
  };

  return {
    async list(name) {
      const app = deps.apps.get(name);
      return { instances: await deps.statuses(app.id), formation: formationOf(app), stopped: app.stopped };
    },

    formation: (name) => formationOf(deps.apps.get(name)),

    async scale(actor, name, counts, out, signal) {
      const app = deps.apps.get(name);
      const entries = Object.entries(counts).map(([type, count]) => ({
        ...entryOf(app, parseProcessType(type)),
        count,
      }));
      const wrong = entries.find(
        (entry) => !Number.isInteger(entry.count) || entry.count < 0 || entry.count > maxCount,
      );
      if (wrong) throw new AppError("SCALE_INVALID", { value: `${wrong.type}=${wrong.count}` });
      await queued(deps, app, "scale", out, signal, async (workSignal) => {
        for (const entry of entries) {
          const before = entryOf(app, entry.type).count;
          deps.apps.setFormation(app.id, entry);
          decisions(deps.settings, app.id).decideSize(entry.type, "count");
          out.step(`Scaling ${entry.type} from ${before} to ${entry.count}`);
          const asked = currentRelease(deps, app.id)?.droplet.manifest?.formation[entry.type]?.quantity;
          if (asked !== undefined) out.detail(`app.json says ${asked}; from now on ps:scale decides for ${entry.type}`);
        }
        deps.say(app.id, "api", `Scaled to ${entries.map((e) => `${e.type}@${e.count}`).join(" ")} by ${actor.name}`);
        if (currentRelease(deps, app.id) === undefined || app.stopped) return;
        const types = entries.map((entry) => entry.type);
        await converge(app, types, out, workSignal, startDeadlineMs);
      });
    },

    async limits(actor, name, type, limits, out, signal) {
      const app = deps.apps.get(name);
      const before = entryOf(app, type);
      deps.apps.setFormation(app.id, {
        ...before,
        memoryMb: limits.memoryMb ?? before.memoryMb,
        cpus: limits.cpus ?? before.cpus,
      });
      if (limits.memoryMb !== undefined) decisions(deps.settings, app.id).decideSize(type, "memory");
      deps.say(app.id, "api", `Limits of ${type} changed by ${actor.name}`);
      if (currentRelease(deps, app.id) === undefined) return;
      try {
        await restart(app, `limits of ${type}`, type, out, signal);
      } catch (err) {
        deps.apps.setFormation(app.id, before);
        throw err;
      }
    },

    async restart(actor, name, type, out, signal) {
      const app = deps.apps.get(name);
      if (type !== undefined) entryOf(app, type);
      requireRelease(deps, app);
      deps.say(app.id, "api", `Restarted by ${actor.name}`);
      await restart(app, "restart", type, out, signal);
      out.result("Restarted");
    },

    async stop(actor, name, out, signal) {
      const app = deps.apps.get(name);
      await queued(deps, app, "stop", out, signal, async (workSignal) => {
        deps.apps.setStopped(app.id, true);
        deps.say(app.id, "api", `Stopped by ${actor.name}`);
        out.step("Stopping all instances");
        await converge({ ...app, stopped: true }, undefined, out, workSignal, stopDeadlineMs);
        out.result(`"${app.name}" is stopped; start it with: paas ps:start -a ${app.name}`);
      });
    },

    async start(actor, name, out, signal) {
      const app = deps.apps.get(name);
      await queued(deps, app, "start", out, signal, async (workSignal) => {
        deps.apps.setStopped(app.id, false);
        deps.say(app.id, "api", `Started by ${actor.name}`);
        if (currentRelease(deps, app.id) === undefined) return out.detail("It starts with its first deploy.");
        out.step("Starting all instances");
        const types = formationOf(app).map((entry) => entry.type);
        await converge({ ...app, stopped: false }, types, out, workSignal, startDeadlineMs);
        out.result(`"${app.name}" is up`);
      });
    },
  };
}

function requireRelease(deps: ReleaseDeps, app: App) {
  const current = currentRelease(deps, app.id);
  if (current === undefined) throw new AppError("APP_NOT_DEPLOYED", { name: app.name });
  return current;
}
