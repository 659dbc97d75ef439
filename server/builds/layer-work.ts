import { buildRef, type KeyedLayer, runRef } from "./layer-key.ts";

/** A layer that has to be made: run its commands on `from`, then keep the images that are named. */
export interface LayerWork extends KeyedLayer {
  /** Where its container starts from, unless the one of the layer before is still there. */
  readonly from: string;
  /** Keep the container whole under this name: later layers, the build step or other apps start from it. */
  readonly buildRef: string | undefined;
  readonly run: RunFlavour | undefined;
}

/** Copy `keep` into a container of `from` and keep that as `ref`. */
export interface RunFlavour {
  readonly from: string;
  readonly ref: string;
  readonly keep: readonly string[];
}

export interface LayerSchedule {
  readonly reused: readonly KeyedLayer[];
  readonly work: readonly LayerWork[];
  /** What the build step starts from. */
  readonly buildImage: string;
  /** What the droplet starts from. */
  readonly runImage: string;
  /** All that this build uses or makes. */
  readonly refs: readonly string[];
}

export interface StackRefs {
  readonly buildImage: string;
  readonly runImage: string;
}

/** Decides which layers have to be made, given the layer images that exist. */
export function scheduleLayers(
  keyed: readonly KeyedLayer[],
  stack: StackRefs,
  hasBuildStep: boolean,
  existing: ReadonlySet<string>,
): LayerSchedule {
  const needed = hasBuildStep ? keyed : keyed.slice(0, keyed.findLastIndex((k) => k.layer.launch) + 1);
  const works = flavours(needed, stack, hasBuildStep);
  const runImage = works.findLast((w) => w.run)?.run?.ref ?? stack.runImage;
  const buildImage = works.at(-1)?.buildRef ?? stack.buildImage;
  const refs = works.flatMap(({ buildRef: ref, run }) => [ref, run?.ref]).filter((ref) => ref !== undefined);
  const first = firstToMake(works, hasBuildStep, existing);
  return { reused: needed.slice(0, first), work: works.slice(first), buildImage, runImage, refs };
}

function flavours(needed: readonly KeyedLayer[], stack: StackRefs, hasBuildStep: boolean): readonly LayerWork[] {
  const works: LayerWork[] = [];
  let from = stack.buildImage;
  let runFrom = stack.runImage;
  for (const [index, keyed] of needed.entries()) {
    const isLast = index === needed.length - 1;
    // A shared one is kept whole also where this app has no use for it: the next app will install on top of it.
    const whole = !isLast || hasBuildStep || keyed.isShared ? buildRef(keyed.key) : undefined;
    const keep = keptAtRunTime(keyed, hasBuildStep);
    const run = keep.length > 0 ? { from: runFrom, ref: runRef(keyed.key, runFrom, keep), keep } : undefined;
    works.push({ ...keyed, from, buildRef: whole, run });
    from = whole ?? from;
    runFrom = run?.ref ?? runFrom;
  }
  return works;
}

/** With a build step all of /app goes into the droplet from its container, so that what the step removed stays removed. */
function keptAtRunTime({ layer }: KeyedLayer, hasBuildStep: boolean): readonly string[] {
  if (!layer.launch) return [];
  return hasBuildStep ? layer.keep.filter((path) => path !== "/app" && !path.startsWith("/app/")) : layer.keep;
}

/** Making starts after the last layer that has all that the rest needs of it. */
function firstToMake(works: readonly LayerWork[], hasBuildStep: boolean, existing: ReadonlySet<string>): number {
  for (let count = works.length; count > 0; count--) {
    const needsWhole = hasBuildStep || count < works.length;
    const hasBuild = !needsWhole || existing.has(works[count - 1]?.buildRef ?? "");
    const run = works.slice(0, count).findLast((w) => w.run)?.run;
    if (hasBuild && (run === undefined || existing.has(run.ref))) return count;
  }
  return 0;
}
