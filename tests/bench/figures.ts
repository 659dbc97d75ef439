/** Seconds that the work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Prints the median with its spread, and what it should be. */
export function note(name: string, values: readonly number[], aim: string, unit = "s"): void {
  const spread =
    values.length > 1
      ? ` (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}, n=${values.length})`
      : "";
  const value = `${median(values).toFixed(2)} ${unit}${spread}`;
  process.stdout.write(`${name.padEnd(60)} ${value.padEnd(32)} ${aim}\n`);
}
