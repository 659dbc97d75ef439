import { setTimeout as delay } from "node:timers/promises";
import type { TaskStreams } from "../api/platform.ts";
import { AppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { TaskContainerSpec, TaskEngine, TaskExit } from "./ports.ts";

/** Output that is still on its way when the command has ended, ms. */
const lastOutputMs = 10_000;

export interface AttachedRun {
  readonly engine: TaskEngine;
  readonly log: Log;
  readonly onStarted?: (containerId: string) => void;
  /** It has ended, however that came about, and is about to go. */
  readonly onEnded?: (containerId: string) => Promise<void>;
}

/**
 * Runs a container to its end with its streams attached. Whatever happens it is gone afterwards.
 *
 * @throws AppError TASK_NOT_STARTED, TASK_LOST; the signal's reason when it aborts
 */
export async function runAttached(
  run: AttachedRun,
  spec: TaskContainerSpec,
  streams: TaskStreams,
  signal: AbortSignal,
): Promise<TaskExit> {
  const { engine, log } = run;
  const id = await engine.create(spec, signal);
  try {
    using attachment = await engine.attach(id, streams, signal);
    await engine.start(id, spec.name, signal);
    run.onStarted?.(id);
    connectTerminal(engine, id, streams);
    const exit = await engine.wait(id, signal);
    if (exit === undefined) throw new AppError("TASK_LOST", { task: spec.name });
    await Promise.race([attachment.ended, delay(lastOutputMs, undefined, { ref: false })]);
    return exit;
  } finally {
    await clearAway(engine, id, log, run.onEnded);
  }
}

/** Ends a container if need be and removes it. What cannot be removed is found again when the daemon starts. */
export async function clearAway(
  engine: TaskEngine,
  id: string,
  log: Log,
  beforeRemove?: (containerId: string) => Promise<void>,
): Promise<void> {
  try {
    if (beforeRemove) {
      await engine.kill(id);
      await beforeRemove(id);
    }
    await engine.remove(id);
  } catch (err) {
    log.warn("a task's container could not be removed", { container: id, err });
  }
}

function connectTerminal(engine: TaskEngine, id: string, streams: TaskStreams): void {
  const { tty } = streams;
  if (tty === undefined) return;
  void engine.resize(id, tty.columns, tty.rows);
  streams.onResize?.((columns, rows) => void engine.resize(id, columns, rows));
}
