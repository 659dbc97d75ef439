import type { KeyedLock } from "../core/keyed-lock.ts";
import { isAppError } from "../core/errors.ts";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Output } from "../core/output.ts";
import type { Clock } from "../core/time.ts";
import type { DropletContent } from "../core/types.ts";
import type { Builder, BuildInput, BuildResult, Timing } from "../releases/ports.ts";
import type { Allowance, BuildContext, StackImages } from "./build-context.ts";
import type { AppCacheState } from "./app-cache.ts";
import { Breaches } from "./breach.ts";
import { Deadline } from "./deadline.ts";
import { type Prepared, prepare } from "./prepare.ts";
import type { DockerfileSettings } from "./dockerfile-settings.ts";
import { buildFromDockerfile } from "./dockerfile.ts";
import { buildFromPlan } from "./droplet.ts";
import { buildWithBuildpacks } from "./buildpack-api/build.ts";
import type { BuildpackFetcher, BuildpackPins } from "./buildpack-api/fetch.ts";
import { BuildFailed } from "./failure.ts";
import { dropletFromImage } from "./from-image.ts";
import type { ImageEngine } from "./image-engine.ts";
import { configOfKeys } from "./layer-key.ts";
import { startDiskGuard } from "./guard.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { neededMemory, type BuildGate, type GateEntry } from "./gate.ts";
import { maskOutput, secretsOf } from "./masking.ts";
import type { Available, Buildpack } from "./plan.ts";

export interface BuilderDeps {
  readonly engine: ImageEngine;
  /** In order of precedence. */
  readonly buildpacks: readonly Buildpack[];
  /** Asked only when a buildpack is going to plan. */
  readonly available: (needsRegistry: boolean, signal: AbortSignal) => Promise<Available>;
  /** Asked only when there is a plan. */
  readonly stack: () => Promise<StackImages>;
  readonly onePerKey: KeyedLock;
  /** Notes layers, system images and caches that a build uses. */
  readonly used: (refs: readonly string[]) => void;
  /** Removes so many bytes, if it can, of what builds could use again but do not. */
  readonly makeRoom: (bytes: number) => Promise<void>;
  readonly allowance: (appId: AppId) => Promise<Allowance>;
  readonly dockerfile: (appId: AppId) => DockerfileSettings;
  readonly cache: (appId: AppId) => AppCacheState;
  readonly stepsMade: (appId: AppId) => void;
  readonly stepsRan: (from: number, to: number) => void;
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
  /** Builds that are running now, and since when. */
  readonly running: ReadonlyMap<string, number>;
}

/**
 * Turns sources into droplets.
 *
 * `build` answers a reason for everything that the user can mend; it throws the signal's reason when that aborts, and
 * an AppError when the engine does not work. Whatever happens, no container is left. Disposing waits for the last removals.
 */
export function createBuilder(deps: BuilderDeps): TimedBuilder {
  const running = new Map<string, number>();
  const removals = new Removals(deps.engine, deps.log);
  return {
    running,
    async build(input, out, signal) {
      running.set(input.buildId, deps.clock());
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
    title: `${input.title ?? "a build"} of ${input.app.name}`,
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
    dockerfile: deps.dockerfile(input.app.id),
    cache: deps.cache(input.app.id),
    stepsMade: () => deps.stepsMade(input.app.id),
    stepsRan: deps.stepsRan,
    out: masked,
    onePerKey: deps.onePerKey,
    log: deps.log.with({ app: input.app.name, build: input.buildId }),
    breaches,
    floorBytes,
    signal: buildSignal,
    admit: () => (entered ??= enter()),
    end,
    used: deps.used,
    current: watch.current,
    remove: (container) => removals.start(container),
    timed: watch.timed,
  };
  try {
    await ensureRoom(deps, context);
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

/** What the least build needs beyond the floor. */
const leastRoomBytes = 256 * 1024 ** 2;

/** Before anything is written: what nobody needs goes, and without room the build does not begin. */
async function ensureRoom(deps: BuilderDeps, { engine, floorBytes, breaches }: BuildContext): Promise<void> {
  const missing = async (): Promise<number> => {
    const disk = await engine.disk();
    return disk === undefined ? 0 : floorBytes + leastRoomBytes - disk.freeBytes;
  };
  const before = await missing();
  if (before <= 0) return;
  await deps.makeRoom(before);
  const disk = await engine.disk();
  if (disk !== undefined && disk.freeBytes < floorBytes) throw breaches.noRoom(disk.freeBytes, floorBytes);
}

async function makeDroplet(deps: BuilderDeps, context: BuildContext): Promise<DropletContent> {
  if (context.input.imageId !== undefined) return dropletFromImage(context, context.input.imageId);
  const prepared = await prepare(context, { ...deps, listed: deps.external.list(context.input.app.id) });
  if (prepared.kind === "dockerfile") {
    using _guard = startDiskGuard({ ...context, step: context.current });
    return await buildFromDockerfile(context, prepared.procfile);
  }
  const stack = await deps.stack();
  if (prepared.kind === "buildpacks") return buildWithBuildpacks(context, prepared, deps.external, stack);
  return await planned(context, prepared, stack);
}

/** The droplet of a plan: the one that was made from the same before, else a new one. */
async function planned(context: BuildContext, prepared: PreparedPlan, stack: StackImages): Promise<DropletContent> {
  const { input, out } = context;
  const { plan, processes } = prepared;
  const { commit, root = "" } = input;
  const config = configOfKeys(input.config, plan);
  const { purges } = context.cache;
  const stackId = purges === 0 ? stack.id : `${stack.id} ${purges}`;
  const fingerprint = fingerprintOf({ commit, root, plan, processes, stackId, config });
  const known = await input.reuse?.(fingerprint);
  if (known === undefined) return { ...(await buildFromPlan(context, plan, processes, stack)), fingerprint };
  out.step(`Droplet of ${known.name} reused: nothing that goes into it has changed`);
  return known.content;
}

type PreparedPlan = Extract<Prepared, { kind: "plan" }>;

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
