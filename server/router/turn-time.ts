let time = 0;

/**
 * `performance.now()` of this turn of the event loop, read once for all that it brings: where a turn serves many requests
 * the clock would be read twice for each of them.
 */
export function turnTime(): number {
  if (time === 0) {
    time = performance.now();
    setImmediate(forget);
  }
  return time;
}

function forget(): void {
  time = 0;
}
