import type { KeyedLock } from "../core/keyed-lock.ts";
import { isAppError } from "../core/errors.ts";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import type { Clock } from "../core/time.ts";
import type { DropletContent } from "../core/types.ts";
import type { Builder, BuildInput, BuildResult } from "../releases/ports.ts";
import type { Allowance, BuildContext, StackImages, Timing } from "./build-context.ts";
import { Breaches } from "./breach.ts";
import { Deadline } from "./deadline.ts";
import { prepare } from "./prepare.ts";
import { buildFromDockerfile } from "./dockerfile.ts";
import { buildFromPlan } from "./droplet.ts";
import { buildWithBuildpacks } from "./buildpack-api/build.ts";
import type { BuildpackFetcher, BuildpackPins } from "./buildpack-api/fetch.ts";
import { BuildFailed } from "./failure.ts";
import { dropletFromImage } from "./from-image.ts";
import type { ImageEngine } from "./image-engine.ts";
import { neededMemory, type BuildGate, type GateEntry } from "./gate.ts";
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
  readonly onePerKey: KeyedLock;
  readonly allowance: (appId: AppId) => Promise<Allowance>;
  readonly gate: BuildGate;
  /** Buildpacks of other people: which ones an app has, and where they come from. */
  readonly external: ExternalBuildpacks;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ExternalBuildpacks {
  /** As they were set for the app; empty when nothing was. */
  list(appId: AppId): readonly string[];
  readonly fetcher: BuildpackFetcher;
  readonly pins: BuildpackPins;
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
  const { limits, floorBytes } = await deps.allowance(input.app.id);
  const breaches = new Breaches(limits, input.app.name);
  const ended = new AbortController();
  const end = (failure: BuildFailed) => ended.abort(failure);
  const masked = maskOutput(out, secretsOf({ ...input.services, ...input.config }));
  const watch = stopwatch(deps.clock);
  using deadline = new Deadline(limits.timeoutMs, () => end(breaches.time(watch.current())));
  const buildSignal = AbortSignal.any([signal, ended.signal]);
  using place = new Place(deps.gate, {
    title: `push ${input.commit.slice(0, 8)} of ${input.app.name}`,
    needBytes: neededMemory(limits.memoryBytes),
    onWait: (text) => out.step(text),
  });
  const enter = async () => {
    deadline.stop();
    input.onWaiting?.(true);
    await place.take(buildSignal);
    input.onWaiting?.(false);
    deadline.restart();
  };
  let entered: Promise<void> | undefined;
  const context: BuildContext = {
    engine: deps.engine,
    input,
    owner: { appId: input.app.id, buildId: input.buildId },
    limits,
    out: masked,
    onePerKey: deps.onePerKey,
    log: deps.log.with({ app: input.app.name, build: input.buildId }),
    breaches,
    floorBytes,
    signal: buildSignal,
    admit: () => (entered ??= enter()),
    end,
    current: watch.current,
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
    const failed = asFailure(ended.signal.aborted ? ended.signal.reason : err);
    if (failed === undefined) throw err;
    context.log.info("build failed", { reason: failed.reason });
    return { ok: false, ...failed, timings: watch.timings };
  }
}

async function makeDroplet(deps: BuilderDeps, context: BuildContext): Promise<DropletContent> {
  if (context.input.imageId !== undefined) return dropletFromImage(context, context.input.imageId);
  const prepared = await prepare(context, { ...deps, listed: deps.external.list(context.input.app.id) });
  if (prepared.kind === "dockerfile") return buildFromDockerfile(context, prepared.procfile);
  if (prepared.kind === "buildpacks") return buildWithBuildpacks(context, prepared, deps.external, await deps.stack());
  return buildFromPlan(context, prepared.plan, prepared.processes, await deps.stack());
}

interface Failure {
  readonly reason: string;
  readonly hint: string;
}

/** What the user can mend; undefined for anything else. */
function asFailure(err: unknown): Failure | undefined {
  if (err instanceof BuildFailed) return { reason: err.message, hint: err.hint };
  if (isAppError(err) && err.status === 422) return { reason: err.message, hint: err.hint };
  return undefined;
}

/** A build's place among those that work. */
class Place implements Disposable {
  readonly #gate: BuildGate;
  readonly #entry: GateEntry;
  #held: Disposable | undefined;

  constructor(gate: BuildGate, entry: GateEntry) {
    this.#gate = gate;
    this.#entry = entry;
  }

  async take(signal: AbortSignal): Promise<void> {
    this.#held = await this.#gate.enter(this.#entry, signal);
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
  }
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
