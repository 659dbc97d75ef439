import type { Output } from "../core/output.ts";
import { formatDuration } from "../core/time.ts";
import type { Failure } from "../scheduler/ports.ts";

/** A step that took less took no time, for people. */
const shownFromMs = 50;

/** Measures the steps of one deploy. */
export class StepTimes {
  readonly #now: () => number;
  readonly #began: number;
  readonly #steps: { readonly name: string; readonly ms: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
    this.#began = now();
  }

  async measure<T>(name: string, work: () => Promise<T>): Promise<T> {
    const began = this.#now();
    try {
      return await work();
    } finally {
      this.#steps.push({ name, ms: this.#now() - began });
    }
  }

  /** `checkout 0.1s, build 1.2s, start 0.9s: 2.2s in all` */
  toString(): string {
    const parts = this.#steps
      .filter((step) => step.ms >= shownFromMs)
      .map((step) => `${step.name} ${formatDuration(step.ms)}`)
      .join(", ");
    return `${parts}: ${formatDuration(this.#now() - this.#began)} in all`;
  }
}

/** How a failed change ends: the last output, the cause, what to do, and what serves now. */
export function reportFailure(out: Output, failure: Failure, serving: string): void {
  if (failure.lines.length > 0) {
    out.step("Last lines of its output");
    for (const line of failure.lines) out.detail(line);
  }
  out.problem(failure.reason);
  out.problem(failure.hint);
  out.problem(serving);
}

/** `Nothing was changed: v6 still serves.` */
export function servingLine(currentVersion: number | undefined): string {
  return currentVersion === undefined
    ? "No release is current."
    : `Nothing was changed: v${currentVersion} is still current.`;
}
