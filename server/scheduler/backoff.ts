/** An instance that ran this long before it ended starts counting anew. */
export const stableAfterMs = 5 * 60_000;

const immediateRestarts = 3;
const firstDelayMs = 30_000;
const longestDelayMs = 16 * 60_000;

/** How often in a row a slot has crashed, this exit included. */
export function crashesAfterExit(before: number, uptimeMs: number): number {
  return uptimeMs >= stableAfterMs ? 1 : before + 1;
}

/** Pause before a start that the engine refused is tried again: 1 s doubling up to 30 s. Nothing of the app was run. */
export function startRetryMs(times: number): number {
  return Math.min(1000 * 2 ** (times - 1), firstDelayMs);
}

/** Pause before the next start: none for the first three crashes, then 30 s doubling up to 16 min (as Cloud Foundry's). */
export function restartDelayMs(crashes: number): number {
  if (crashes <= immediateRestarts) return crashes <= 1 ? 0 : 1000 * (crashes - 1);
  return Math.min(firstDelayMs * 2 ** (crashes - immediateRestarts - 1), longestDelayMs);
}
