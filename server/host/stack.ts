import { AppError, messageOf } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import { type Clock, formatDuration } from "../core/time.ts";
import { debianMirror } from "./apt-sources.ts";
import { type Bootstrap, bootstrapBase } from "./bootstrap.ts";
import type { HostLock } from "./lock.ts";
import {
  planStack,
  type StackFile,
  type StackPlan,
  stackGoVersion,
  stackName,
  stackPythonVersion,
  stackRelease,
} from "./stack-plan.ts";

/** The pair of base images that droplets are made from. Both run as root unless told otherwise; `app` is uid 1000. */
export interface Stack {
  readonly name: "debian-13";
  /** 12 hex digits over everything that decides the content. */
  readonly id: string;
  readonly buildImage: string;
  readonly runImage: string;
  /** Of the build image's Go: `1.24` */
  readonly goVersion: string;
  /** Of both images' Python: `3.13` */
  readonly pythonVersion: string;
}

export interface StackBuild {
  readonly ref: string;
  readonly stack: string;
  readonly dockerfile: string;
  readonly files: readonly StackFile[];
  readonly onOutput: (text: string) => void;
}

/** The engine's images, as the stack needs them. */
export interface StackImages {
  has(ref: string): Promise<boolean>;
  /** Gives up when the registry shows no progress for `idleMs`. */
  pull(ref: string, idleMs: number, signal: AbortSignal): Promise<void>;
  tag(from: string, to: string): Promise<void>;
  importRoot(tarFile: string, ref: string, stack: string, signal: AbortSignal): Promise<void>;
  build(build: StackBuild, signal: AbortSignal): Promise<void>;
}

/** What the machine itself contributes. */
export interface HostFiles {
  /** Texts of apt's source files. */
  aptSources(): Promise<readonly string[]>;
  /** Certificates that the operator added to the machine's trust. */
  extraCas(): Promise<readonly StackFile[]>;
  /** All certificates that the machine trusts, PEM; empty when it has none. */
  caBundle(): Promise<string>;
}

export interface StackDeps {
  readonly images: StackImages;
  readonly host: HostFiles;
  readonly bootstrap: Bootstrap;
  readonly lock: HostLock;
  readonly clock: Clock;
}

const pullIdleMs = 8_000;
const makeTimeoutMs = 20 * 60_000;

/**
 * Answers the stack, making it first where it is missing (once per content; takes about a minute).
 * @throws STACK_FAILED with the last lines of what failed, shown on `out`
 */
export async function ensureStack(deps: StackDeps, out: Output, signal: AbortSignal): Promise<Stack> {
  const plan = await currentPlan(deps.host);
  if (!(await isMade(deps.images, plan))) {
    await using _lock = await deps.lock.acquire(out, signal);
    if (!(await isMade(deps.images, plan))) await make(deps, plan, out, signal);
  }
  return stackOf(plan);
}

/** The stack if it is already there, without making it. */
export async function findStack(deps: Pick<StackDeps, "images" | "host">): Promise<Stack | undefined> {
  const plan = await currentPlan(deps.host);
  return (await isMade(deps.images, plan)) ? stackOf(plan) : undefined;
}

async function currentPlan(host: HostFiles): Promise<StackPlan> {
  const [sources, extraCas] = await Promise.all([host.aptSources(), host.extraCas()]);
  return planStack(debianMirror(sources), extraCas);
}

async function isMade(images: StackImages, plan: StackPlan): Promise<boolean> {
  const found = await Promise.all([images.has(plan.runImage), images.has(plan.buildImage)]);
  return found.every(Boolean);
}

function stackOf(plan: StackPlan): Stack {
  return {
    name: stackName,
    id: plan.id,
    buildImage: plan.buildImage,
    runImage: plan.runImage,
    goVersion: stackGoVersion,
    pythonVersion: stackPythonVersion,
  };
}

async function make(deps: StackDeps, plan: StackPlan, out: Output, outer: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([outer, AbortSignal.timeout(makeTimeoutMs)]);
  const startedAt = deps.clock();
  out.step(`Making the stack ${stackName} (about a minute, once)`);
  const phase = phaseRunner(deps, out);
  await phase("base system", plan.baseImage, () => makeBase(deps, plan, out, signal));
  await phase("run image", plan.runImage, async (onOutput) => {
    // In place before the first download, for mirrors that speak https; the package ca-certificates then rewrites it.
    const bundle = { path: "etc/ssl/certs/ca-certificates.crt", content: await deps.host.caBundle() };
    const files = [...plan.files, bundle];
    await deps.images.build(
      { ref: plan.runImage, stack: stackName, dockerfile: plan.runDockerfile, files, onOutput },
      signal,
    );
  });
  await phase("build image", plan.buildImage, (onOutput) =>
    deps.images.build(
      { ref: plan.buildImage, stack: stackName, dockerfile: plan.buildDockerfile, files: [], onOutput },
      signal,
    ),
  );
  out.detail(`stack ${stackName}-${plan.id} made in ${formatDuration(deps.clock() - startedAt)}`);
}

type Phase = (name: string, ref: string, work: (onOutput: (text: string) => void) => Promise<void>) => Promise<void>;

/** A phase whose image is there already is skipped: an interrupted making continues where it was. */
function phaseRunner(deps: StackDeps, out: Output): Phase {
  return async (name, ref, work) => {
    if (await deps.images.has(ref)) return;
    const startedAt = deps.clock();
    let output = "";
    try {
      await work((text) => (output = (output + text).slice(-16_384)));
    } catch (err) {
      if (err instanceof AppError) throw err;
      for (const line of lastLines(output)) out.detail(line);
      throw new AppError("STACK_FAILED", { phase: name, cause: messageOf(err) }, { cause: err });
    }
    out.detail(`${name}: ${formatDuration(deps.clock() - startedAt)}`);
  };
}

async function makeBase(deps: StackDeps, plan: StackPlan, out: Output, signal: AbortSignal): Promise<void> {
  const official = `debian:${stackRelease}-slim`;
  try {
    await deps.images.pull(official, pullIdleMs, signal);
    await deps.images.tag(official, plan.baseImage);
    out.detail(`base system is ${official}`);
  } catch {
    signal.throwIfAborted();
    out.detail(`${official} cannot be pulled; making the base system from ${plan.sources[0] ?? ""}`);
    await bootstrapBase(deps.bootstrap, plan.sources, out, signal, (tarFile) =>
      deps.images.importRoot(tarFile, plan.baseImage, stackName, signal),
    );
  }
}

/** What the steps printed, without the engine's own bookkeeping. */
function lastLines(output: string): readonly string[] {
  const lines = output.trimEnd().split("\n");
  return lines.filter((line) => !/^ *(--->|Step \d|Removing intermediate)/.test(line)).slice(-20);
}
