import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../core/log.ts";

export interface ServiceWatchInput {
  readonly reconcile: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
  /** Looks this often for what no event told of, ms. */
  readonly everyMs?: number;
  /** Before each look, so that the engine's own restart of a service that ended comes first, ms. */
  readonly restMs?: number;
}

export interface ServiceWatch extends AsyncDisposable {
  /** Something happened to a service: it is looked at soon. */
  trigger(): void;
}

const defaultEveryMs = 30_000;
const defaultRestMs = 1000;

/** Keeps services as they should be: one look at a time, however often it is told of something. */
export function startServiceWatch(input: ServiceWatchInput): ServiceWatch {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let isAgain = false;
  const look = async (): Promise<void> => {
    try {
      await delay(input.restMs ?? defaultRestMs, undefined, { signal: stop.signal });
      isAgain = false;
      await input.reconcile(stop.signal);
    } catch (err) {
      if (!stop.signal.aborted) input.log.error("services could not be reconciled", { err });
    }
  };
  const trigger = (): void => {
    if (stop.signal.aborted) return;
    isAgain = true;
    running ??= look().finally(() => {
      running = undefined;
      if (isAgain) trigger();
    });
  };
  const timer = setInterval(trigger, input.everyMs ?? defaultEveryMs);
  timer.unref();
  return {
    trigger,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort(new Error("the daemon stops"));
      await running;
    },
  };
}
