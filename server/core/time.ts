import { setTimeout as delay } from "node:timers/promises";

/** Source of time, an argument everywhere so that tests can hold it still. */
export type Clock = () => number;

export interface WaitOptions {
  /** Pause between two looks, ms. */
  readonly every: number;
  readonly signal: AbortSignal;
}

/** Looks until `condition` answers something truthy. @throws the signal's reason when it aborts first */
export async function waitFor<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  for (;;) {
    options.signal.throwIfAborted();
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    await delay(options.every, undefined, { signal: options.signal });
  }
}

/** `0.4s`, `12.3s`, `2m05s` */
export function formatDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
}
