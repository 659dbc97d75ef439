import { setTimeout as delay } from "node:timers/promises";
import type { TaskStreams, TasksPort, TaskView } from "../api/platform.ts";
import { AppError } from "../core/errors.ts";
import { type AppName, newId, type ProcessType } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import { type Clock, formatDuration } from "../core/time.ts";
import type { Actor } from "../core/types.ts";
import type { TaskRunner, TaskSpec } from "../releases/ports.ts";
import type { TaskRecord, TaskStore } from "../store/tasks.ts";
import { clearAway, runAttached } from "./attached.ts";
import { commandArgv, commandString, quoteCommand, shellCommand } from "./command.ts";
import type { ExecEngine, TaskApps, TaskContainerSpec, TaskEngine, TaskExit, TaskLog, TaskMode } from "./ports.ts";

export interface TasksDeps {
  readonly store: TaskStore;
  readonly engine: TaskEngine;
  readonly exec: ExecEngine;
  readonly apps: TaskApps;
  /** The logs of apps. */
  readonly logs: TaskLog;
  readonly log: Log;
  readonly now: Clock;
  /** Longest release phase, ms; an hour unless told. */
  readonly releaseLimitMs?: number;
  /** Longest run of any other kind, ms; a day unless told. */
  readonly runLimitMs?: number;
}

export interface Tasks extends AsyncDisposable {
  readonly port: TasksPort;
  readonly runner: TaskRunner;
  /**
   * Call once when the daemon has started and the engine answers: detached runs go on, whatever else a daemon that
   * died has left is ended and marked failed.
   */
  recover(signal: AbortSignal): Promise<void>;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const retryMs = 2_000;
const taskCpus = 1;
/** SIGKILL, as a shell reports it. */
const killedCode = 137;
const instancePattern = /^([A-Za-z0-9_-]{1,63})\.(\d{1,4})$/;

/** One-off runs: interactive, detached, of a release, and commands inside running instances. */
export function createTasks(deps: TasksDeps): Tasks {
  const runs = new Runs(deps);
  return {
    port: {
      run: (actor, name, command, streams, signal) => runs.run(actor, name, command, streams, signal),
      runDetached: (actor, name, command) => runs.runDetached(actor, name, command),
      list: (name) => deps.store.list(deps.apps.get(name).id).map(toView),
      exec: (_actor, name, instance, command, streams, signal) => runs.exec(name, instance, command, streams, signal),
    },
    runner: {
      async runToEnd(task, out, signal) {
        const { code, oomKilled } = await runs.runToEnd(task, toStreams(out), signal);
        return { exitCode: code, oomKilled };
      },
    },
    recover: (signal) => runs.recover(signal),
    [Symbol.asyncDispose]: () => runs.close(),
  };
}

interface Prepared {
  readonly task: TaskRecord;
  readonly spec: TaskContainerSpec;
}

class Runs {
  readonly #deps: TasksDeps;
  readonly #closing = new AbortController();
  /** Ids of the tasks that this process looks after. */
  readonly #ours = new Set<string>();
  readonly #supervised = new Set<Promise<void>>();

  constructor(deps: TasksDeps) {
    this.#deps = deps;
  }

  async run(
    actor: Actor,
    name: AppName,
    command: readonly string[],
    streams: TaskStreams,
    signal: AbortSignal,
  ): Promise<number> {
    const { task, spec } = await this.#prepare(actor, name, command, "interactive", streams);
    const limit = AbortSignal.timeout(this.#runLimitMs);
    let exit: TaskExit | undefined;
    try {
      exit = await this.#attached(spec, streams, AbortSignal.any([signal, limit]));
      if (exit.oomKilled) streams.stderr(Buffer.from(` !     Killed for memory (limit ${spec.memoryMb} MB)\n`));
      return exit.code;
    } catch (err) {
      throw limit.aborted ? this.#timedOut(spec, this.#runLimitMs, err) : err;
    } finally {
      this.#end(task, exit?.code);
    }
  }

  async runDetached(actor: Actor, name: AppName, command: readonly string[]): Promise<TaskView> {
    const { task, spec } = await this.#prepare(actor, name, command, "detached");
    const { signal } = this.#closing;
    const { engine, logs, log } = this.#deps;
    let id: string | undefined;
    try {
      id = await engine.create(spec, signal);
      await engine.start(id, spec.name, signal);
    } catch (err) {
      if (id !== undefined) await clearAway(engine, id, log);
      this.#end(task, undefined);
      throw err;
    }
    logs.watch({ id, appId: spec.appId, process: spec.name });
    this.#supervise(task, id);
    return toView(task);
  }

  async runToEnd(task: TaskSpec, streams: TaskStreams, signal: AbortSignal): Promise<TaskExit> {
    const limitMs = this.#deps.releaseLimitMs ?? hourMs;
    const limit = AbortSignal.timeout(limitMs);
    const { app, name, version, imageId, memoryMb } = task;
    const identity = { appId: app.id, appName: app.name, space: app.space };
    const env = { ...task.env, DYNO: name };
    const kind = { taskId: newId(), name, mode: "release", hasStdin: false, tty: undefined } as const;
    const spec = { ...identity, ...kind, version, imageId, memoryMb, env, argv: task.command, cpus: taskCpus };
    this.#ours.add(spec.taskId);
    try {
      return await this.#attached(spec, streams, AbortSignal.any([signal, limit]));
    } catch (err) {
      throw limit.aborted && !signal.aborted ? this.#timedOut(spec, limitMs, err) : err;
    } finally {
      this.#ours.delete(spec.taskId);
    }
  }

  async exec(
    name: AppName,
    instance: string,
    command: readonly string[],
    streams: TaskStreams,
    outer: AbortSignal,
  ): Promise<number> {
    const app = this.#deps.apps.get(name);
    const signal = AbortSignal.any([outer, this.#closing.signal]);
    const [, type, index] = instancePattern.exec(instance) ?? [];
    const id = type && (await this.#deps.exec.findInstance(app.id, type as ProcessType, Number(index), signal));
    if (!id) throw new AppError("INSTANCE_NOT_FOUND", { name, instance });
    const { launcher } = await this.#deps.apps.releaseEnvironment(app);
    const text = command.length === 0 ? shellCommand : (commandString(command, []) ?? shellCommand);
    return this.#deps.exec.exec(id, [...launcher, text], streams, signal);
  }

  async recover(signal: AbortSignal): Promise<void> {
    const { engine, log, logs, store } = this.#deps;
    const rows = new Map(store.running().map((task) => [task.id, task]));
    for (const found of await engine.list(signal)) {
      if (this.#ours.has(found.taskId)) continue;
      const task = rows.get(found.taskId);
      if (task && found.mode === "detached") {
        this.#ours.add(task.id);
        this.#supervise(task, found.containerId);
        continue;
      }
      const isLogged = found.mode !== "interactive";
      await clearAway(engine, found.containerId, log, isLogged ? (id) => logs.finish(id) : undefined);
    }
    const lost = [...rows.values()].filter((task) => !this.#ours.has(task.id));
    for (const task of lost) {
      this.#ours.add(task.id);
      this.#end(task, undefined);
    }
  }

  /** Detached runs go on without us. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the daemon is stopping"));
    await Promise.all(this.#supervised);
  }

  async #prepare(
    actor: Actor,
    name: AppName,
    command: readonly string[],
    mode: TaskMode,
    streams?: TaskStreams,
  ): Promise<Prepared> {
    const app = this.#deps.apps.get(name);
    if (command.length === 0 || command[0] === "") throw new AppError("TASK_COMMAND_MISSING", { name });
    const release = await this.#deps.apps.releaseEnvironment(app);
    const { version, imageId, memoryMb, cpus } = release;
    const row = { id: newId(), appId: app.id, version, command, actor: actor.name, createdAt: this.#deps.now() };
    const task = this.#deps.store.insert(row);
    this.#ours.add(task.id);
    const dyno = nameOf(task);
    const shown = command.length === 1 ? command[0] : quoteCommand(command);
    this.#say(task, `Starting process with command \`${shown}\` by user ${actor.name}`);
    const identity = { taskId: task.id, name: dyno, mode, appId: app.id, appName: app.name, space: app.space };
    const argv = commandArgv(command, release.processes, release.launcher);
    const terminal = { hasStdin: streams?.stdin !== undefined, tty: streams?.tty };
    const env = { ...release.env, DYNO: dyno };
    return { task, spec: { ...identity, ...terminal, version, imageId, memoryMb, cpus, argv, env } };
  }

  #attached(spec: TaskContainerSpec, streams: TaskStreams, signal: AbortSignal): Promise<TaskExit> {
    const { engine, log, logs } = this.#deps;
    const isLogged = spec.mode !== "interactive";
    const onStarted = (id: string) => logs.watch({ id, appId: spec.appId, process: spec.name });
    const onEnded = (id: string) => logs.finish(id);
    const run = { engine, log, ...(isLogged ? { onStarted, onEnded } : {}) };
    return runAttached(run, spec, streams, AbortSignal.any([signal, this.#closing.signal]));
  }

  #supervise(task: TaskRecord, containerId: string): void {
    const supervising = this.#untilEnd(task, containerId)
      .catch((err: unknown) => this.#deps.log.error("a detached task was lost sight of", { task: task.id, err }))
      .finally(() => this.#supervised.delete(supervising));
    this.#supervised.add(supervising);
  }

  async #untilEnd(task: TaskRecord, containerId: string): Promise<void> {
    const { engine, log, logs, now } = this.#deps;
    const limit = AbortSignal.timeout(Math.max(0, task.createdAt + this.#runLimitMs - now()));
    const code = await this.#waitThroughOutages(containerId, limit);
    if (this.#closing.signal.aborted) return;
    if (limit.aborted) this.#say(task, `Stopping: it ran longer than ${formatDuration(this.#runLimitMs)}`);
    await clearAway(engine, containerId, log, async (id) => {
      await logs.finish(id);
      // Before it is removed: a daemon that dies in between finds out again how it ended.
      this.#end(task, code);
    });
    this.#end(task, code);
  }

  async #waitThroughOutages(containerId: string, limit: AbortSignal): Promise<number | undefined> {
    const signal = AbortSignal.any([this.#closing.signal, limit]);
    while (!signal.aborted) {
      try {
        return (await this.#deps.engine.wait(containerId, signal))?.code;
      } catch {
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return limit.aborted ? killedCode : undefined;
  }

  /** The first end counts. */
  #end(task: TaskRecord, code: number | undefined): void {
    if (!this.#ours.delete(task.id)) return;
    this.#deps.store.finish(task.id, code, this.#deps.now());
    this.#say(
      task,
      code === undefined ? "Process ended, its status is not known" : `Process exited with status ${code}`,
    );
  }

  #say(task: TaskRecord, text: string): void {
    this.#deps.logs.append(task.appId, { at: this.#deps.now(), source: "paas", process: nameOf(task), text });
  }

  #timedOut(spec: TaskContainerSpec, limitMs: number, cause: unknown): AppError {
    return new AppError("TASK_TIMED_OUT", { task: spec.name, limit: formatDuration(limitMs) }, { cause });
  }

  get #runLimitMs(): number {
    return this.#deps.runLimitMs ?? dayMs;
  }
}

function nameOf(task: TaskRecord): string {
  return `run.${task.number}`;
}

function toView(task: TaskRecord): TaskView {
  const { number, version, command, status, exitCode, actor, createdAt, finishedAt } = task;
  return { number, version, command, status, exitCode, actor, createdAt, finishedAt };
}

function toStreams(out: Output): TaskStreams {
  const raw = (chunk: Uint8Array) => out.raw(chunk);
  return { stdin: undefined, stdout: raw, stderr: raw, tty: undefined };
}
