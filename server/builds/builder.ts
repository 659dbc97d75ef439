import type { KeyedLock } from "../core/keyed-lock.ts";
import { isAppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import { type Clock, formatDuration } from "../core/time.ts";
import type { DropletContent } from "../core/types.ts";
import type { Builder, BuildInput, BuildResult } from "../releases/ports.ts";
import type { BuildContext, StackImages, Timing } from "./build-context.ts";
import { prepare } from "./prepare.ts";
import { buildFromDockerfile } from "./dockerfile.ts";
import { buildFromPlan } from "./droplet.ts";
import { BuildFailed } from "./failure.ts";
import type { ImageEngine } from "./image-engine.ts";
import type { BuildLimits } from "./limits.ts";
import { maskOutput, secretsOf } from "./masking.ts";
import type { Available, Buildpack } from "./plan.ts";

export interface BuilderDeps {
  readonly engine: ImageEngine;
  /** In order of precedence. */
  readonly buildpacks: readonly Buildpack[];
  /** Asked only when a buildpack is going to plan. */
  readonly available: (signal: AbortSignal) => Promise<Available>;
  /** Asked only when there is a plan. */
  readonly stack: () => Promise<StackImages>;
  readonly limits: BuildLimits;
  readonly onePerKey: KeyedLock;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long the parts of a build took, in order, whether it succeeded or not. */
export type TimedBuildResult = BuildResult & { readonly timings: readonly Timing[] };

export interface TimedBuilder extends Builder, AsyncDisposable {
  build(input: BuildInput, out: Output, signal: AbortSignal): Promise<TimedBuildResult>;
  /** Builds that are running now. */
  readonly running: ReadonlySet<string>;
}

/**
 * Turns sources into droplets.
 *
 * `build` answers a reason for everything that the user can mend; it throws the signal's reason when that aborts, and
 * an AppError when the engine does not work. Whatever happens, no container is left. Disposing waits for the last removals.
 */
export function createBuilder(deps: BuilderDeps): TimedBuilder {
  const running = new Set<string>();
  const removals = new Removals(deps.engine, deps.log);
  return {
    running,
    async build(input, out, signal) {
      running.add(input.buildId);
      try {
        return await buildOne(deps, removals, input, out, signal);
      } finally {
        running.delete(input.buildId);
      }
    },
    [Symbol.asyncDispose]: () => removals.settled(),
  };
}

async function buildOne(
  deps: BuilderDeps,
  removals: Removals,
  input: BuildInput,
  out: Output,
  signal: AbortSignal,
): Promise<TimedBuildResult> {
  const { limits } = deps;
  const deadline = AbortSignal.timeout(limits.timeoutMs);
  const masked = maskOutput(out, secretsOf(input.config));
  const watch = stopwatch(deps.clock);
  const context: BuildContext = {
    engine: deps.engine,
    input,
    owner: { appId: input.app.id, buildId: input.buildId },
    limits,
    out: masked,
    onePerKey: deps.onePerKey,
    log: deps.log.with({ app: input.app.name, build: input.buildId }),
    signal: AbortSignal.any([signal, deadline]),
    remove: (container) => removals.start(container),
    timed: watch.timed,
  };
  try {
    const droplet = await makeDroplet(deps, context);
    masked.flush();
    return { ok: true, droplet, timings: watch.timings };
  } catch (err) {
    masked.flush();
    await removals.settled();
    signal.throwIfAborted();
    const failed = deadline.aborted ? outOfTime(limits, watch.current()) : asFailure(err);
    if (failed === undefined) throw err;
    context.log.info("build failed", { reason: failed.reason });
    return { ok: false, ...failed, timings: watch.timings };
  }
}

async function makeDroplet(deps: BuilderDeps, context: BuildContext): Promise<DropletContent> {
  const prepared = await prepare(context, deps);
  if (prepared.kind === "dockerfile") return buildFromDockerfile(context, prepared.procfile);
  return buildFromPlan(context, prepared.plan, prepared.processes, await deps.stack());
}

interface Failure {
  readonly reason: string;
  readonly hint: string;
}

function outOfTime(limits: BuildLimits, step: string): Failure {
  return {
    reason: `The build took longer than ${formatDuration(limits.timeoutMs)} and was ended in: ${step}.`,
    hint: "A build must end by itself: look whether this step waits for input or starts a server.",
  };
}

/** What the user can mend; undefined for anything else. */
function asFailure(err: unknown): Failure | undefined {
  if (err instanceof BuildFailed) return { reason: err.message, hint: err.hint };
  if (isAppError(err) && err.status === 422) return { reason: err.message, hint: err.hint };
  return undefined;
}

/** Containers whose removal has begun. */
class Removals {
  readonly #engine: ImageEngine;
  readonly #log: Log;
  readonly #pending = new Set<Promise<void>>();

  constructor(engine: ImageEngine, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  start(container: string): void {
    const removal = this.#engine.removeContainer(container).catch((err: unknown) => {
      this.#log.warn("build container not removed", { container, err });
    });
    this.#pending.add(removal);
    void removal.finally(() => this.#pending.delete(removal));
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }
}

function stopwatch(clock: Clock) {
  const timings: Timing[] = [];
  let current: () => string = () => "preparing";
  async function timed<T>(step: string | (() => string), work: () => Promise<T>): Promise<T> {
    const name = typeof step === "string" ? () => step : step;
    current = name;
    const startedAt = clock();
    try {
      return await work();
    } finally {
      timings.push({ step: name(), ms: clock() - startedAt });
    }
  }
  return { timings, timed, current: () => current() };
}
