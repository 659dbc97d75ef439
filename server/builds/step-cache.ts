import type { Log } from "../core/log.ts";
import type { BuildStep, ImageEngine } from "./image-engine.ts";
import type { Reusable } from "./retention.ts";

const prefix = "step:";
const tooOldMs = 10 * 60_000;

export interface StepCacheDeps {
  readonly engine: Pick<ImageEngine, "buildSteps">;
  readonly store: {
    all(): readonly { readonly ref: string; readonly usedAt: number }[];
    used(refs: readonly string[], at: number): void;
    forget(refs: readonly string[]): void;
  };
  readonly now: () => number;
  readonly log: Log;
}

export interface StepReusables {
  readonly reusables: readonly Reusable[];
  /** Ids of those that cannot go now. */
  readonly held: ReadonlySet<string>;
}

/**
 * Steps of Dockerfiles that the engine keeps for the next build. It says of none whose it is, so ours are those that came
 * up while one of our builds ran: what was there before, and what others make at other times, is never touched.
 */
export class StepCache {
  readonly #deps: StepCacheDeps;
  #ran: { readonly from: number; readonly to: number }[] = [];
  #listed: { readonly at: number; readonly steps: readonly BuildStep[] } | undefined;

  constructor(deps: StepCacheDeps) {
    this.#deps = deps;
  }

  /** A build has run its steps in this time. */
  ran(from: number, to: number): void {
    this.#ran.push({ from, to });
  }

  /** Forgets what was listed: something has been removed. */
  changed(): void {
    this.#listed = undefined;
  }

  async reusables(): Promise<StepReusables> {
    const { store } = this.#deps;
    const isKnown = store.all().some((record) => record.ref.startsWith(prefix));
    // An engine of before 2022 walks through all volumes to answer: it is asked only where there is something to find.
    if (this.#ran.length === 0 && !isKnown) return { reusables: [], held: new Set() };
    const steps = await this.#list().catch((err: unknown) => {
      this.#deps.log.warn("the engine does not say what it keeps of Dockerfiles", { err });
      return undefined;
    });
    if (steps === undefined) return { reusables: [], held: new Set() };
    const records = new Map(store.all().map((record) => [record.ref, record]));
    const ours = steps.filter((step) => records.has(prefix + step.id));
    const here = new Set(ours.map((step) => prefix + step.id));
    store.forget([...records.keys()].filter((ref) => ref.startsWith(prefix) && !here.has(ref)));
    const parents = steps.filter((step) => !here.has(prefix + step.id)).flatMap((step) => step.parentIds);
    const held = new Set([...parents, ...ours.filter((step) => step.isHeld).map((step) => step.id)]);
    return { reusables: ours.map(reusable), held };
  }

  async #list(): Promise<readonly BuildStep[]> {
    const { engine, store, now } = this.#deps;
    const isFresh = this.#listed !== undefined && now() - this.#listed.at < tooOldMs;
    if (this.#listed !== undefined && isFresh && this.#ran.length === 0) return this.#listed.steps;
    const ran = this.#ran;
    const steps = await engine.buildSteps();
    this.#ran = this.#ran.filter((one) => !ran.includes(one));
    for (const step of madeWithin(steps, ran)) store.used([prefix + step.id], step.usedAt);
    this.#listed = { at: now(), steps };
    return steps;
  }
}

/** Steps that came up while something ran. */
export function madeWithin(
  steps: readonly BuildStep[],
  ran: readonly { readonly from: number; readonly to: number }[],
): readonly BuildStep[] {
  return steps.filter((step) => ran.some(({ from, to }) => step.createdAt >= from && step.createdAt <= to));
}

function reusable({ id, parentIds, bytes, usedAt, description }: BuildStep): Reusable {
  return { ref: prefix + id, kind: "step", id, parentIds, bytes, usedAt, isStale: false, label: description };
}
