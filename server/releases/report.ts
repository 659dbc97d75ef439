import type { Output } from "../core/output.ts";
import { web } from "../core/ids.ts";
import { formatDuration } from "../core/time.ts";
import type { App, FormationEntry } from "../core/types.ts";
import type { Timing } from "./ports.ts";
import type { Failure } from "../scheduler/ports.ts";

/** A step that took less took no time, for people. */
const shownFromMs = 50;
const partShownFromMs = 100;

/** Measures the steps of one deploy. */
export class StepTimes {
  readonly #now: () => number;
  readonly #began: number;
  readonly #steps: { readonly name: string; readonly ms: number }[] = [];
  readonly #parts = new Map<string, readonly Timing[]>();

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

  /** What a step was made of. */
  parts(name: string, timings: readonly Timing[]): void {
    this.#parts.set(name, timings);
  }

  /** `checkout 0.1s, build 1.7s (npm ci 1.2s, make the droplet 0.3s), start 0.9s: 2.7s in all` */
  toString(): string {
    const steps = this.#steps.map(({ name, ms }) => ({ step: name, ms }));
    const shown = list(steps, shownFromMs, (name) => {
      const parts = list(this.#parts.get(name) ?? [], partShownFromMs, () => "");
      return parts === "" ? "" : ` (${parts})`;
    });
    return `${shown}: ${formatDuration(this.#now() - this.#began)} in all`;
  }
}

function list(timings: readonly Timing[], fromMs: number, more: (step: string) => string): string {
  return timings
    .filter(({ ms }) => ms >= fromMs)
    .map(({ step, ms }) => `${step} ${formatDuration(ms)}${more(step)}`)
    .join(", ");
}

/** How a failed change ends: the last output, the cause, what to do, and what serves now. */
export function reportFailure(out: Output, failure: Failure, serving: string, masked = out): void {
  if (failure.lines.length > 0) {
    out.step("Last lines of its output");
    // What the app itself said may hold its secrets; what we say of it does not.
    for (const line of failure.lines) masked.detail(line);
  }
  out.problem(failure.reason);
  out.problem(failure.hint);
  out.problem(serving);
}

/** `Nothing was changed: v6 still serves.` */
export function servingLine(currentVersion: number | undefined): string {
  return currentVersion === undefined
    ? "Nothing was deployed: there is no release yet."
    : `Nothing was changed: v${currentVersion} is still current.`;
}

/** How a deploy ends well: where it answers, or why nothing does and what to type. */
export function deployedLine(
  app: Pick<App, "name" | "stopped">,
  version: number,
  formation: readonly FormationEntry[],
  url: string | undefined,
): string {
  const deployed = `v${version} deployed`;
  if (app.stopped) return `${deployed}, but "${app.name}" is stopped; start it with: paas ps:start -a ${app.name}`;
  const [first] = formation;
  if (first === undefined) return `${deployed}, but it has no process that runs: add a web line to the Procfile`;
  const scale = (type: string) => `start it with: paas ps:scale ${type}=1 -a ${app.name}`;
  if (formation.every((entry) => entry.count === 0)) return `${deployed}, but no instance runs; ${scale(first.type)}`;
  const front = formation.find((entry) => entry.type === web);
  if (front === undefined) return `${deployed}; it has no web process, so it answers no requests`;
  if (front.count === 0) return `${deployed}, but web is scaled to 0; ${scale(web)}`;
  return `${deployed}: ${url ?? "it has no route yet"}`;
}
