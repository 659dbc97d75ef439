import { isAppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { AppId } from "../core/ids.ts";
import type { ImageEngine, ListedImage } from "./image-engine.ts";
import { type Eviction, evictions, type Reusable } from "./retention.ts";
import { StepCache } from "./step-cache.ts";

interface CacheRecord {
  readonly ref: string;
  readonly usedAt: number;
  readonly sizeBytes: number | undefined;
}

export interface HousekeepingDeps {
  readonly engine: Pick<
    ImageEngine,
    | "listImages"
    | "usedImages"
    | "removeImage"
    | "cacheBytes"
    | "caches"
    | "removeCacheVolume"
    | "buildSteps"
    | "removeBuildStep"
  >;
  readonly store: {
    all(): readonly CacheRecord[];
    used(refs: readonly string[], at: number): void;
    measured(ref: string, sizeBytes: number): void;
    forget(refs: readonly string[]): void;
  };
  /** Names of the stack's images that builds start from now; undefined while there is none. */
  readonly stackRefs: () => Promise<readonly string[] | undefined>;
  readonly budgetBytes: () => Promise<number>;
  /** When the oldest build that runs began; now when none does. */
  readonly inUseSince: () => number;
  readonly now: () => number;
  readonly log: Log;
}

/** What builds use again, what of it goes, and stacks that nothing stands on any more. */
export interface HousekeepingPlan {
  readonly reusables: readonly Reusable[];
  readonly evictions: readonly Eviction[];
  readonly oldStacks: readonly StackImage[];
  readonly budgetBytes: number;
}

export interface StackImage {
  readonly ref: string;
  readonly bytes: number;
}

export type Housekeeping = ReturnType<typeof createHousekeeping>;

/** An older stack stays so long beside its successor, for who goes back to the version before. */
const oldStackMs = 7 * 86_400_000;

/** Keeps what builds use again within its budget. Only what this installation has used itself is ever removed. */
export function createHousekeeping(deps: HousekeepingDeps) {
  const { engine, store } = deps;
  const steps = new StepCache(deps);

  const plan = async (wantedBytes = 0): Promise<HousekeepingPlan> => {
    const [stepCache, images, inUse, caches, stackRefs, budgetBytes] = await Promise.all([
      steps.reusables(),
      engine.listImages(),
      engine.usedImages(),
      engine.caches(),
      deps.stackRefs(),
      deps.budgetBytes(),
    ]);
    const records = new Map(store.all().map((record) => [record.ref, record]));
    const layers = reusableImages(images, records, stackRefs);
    const reusables = [...layers, ...reusableCaches(caches, records), ...stepCache.reusables];
    const isOurs = new Set(layers.map((one) => one.id));
    const parents = images.filter((image) => !isOurs.has(image.id)).map((image) => image.parentId ?? "");
    const held = new Set([...parents, ...inUse, ...stepCache.held]);
    const gone = evictions({ reusables, held, budgetBytes, wantedBytes, inUseSince: deps.inUseSince() });
    const oldStacks = stackRefs === undefined ? [] : oldStackImages(images, stackRefs, inUse, deps.now());
    return { reusables, evictions: gone, oldStacks, budgetBytes };
  };

  const remove = async (reusable: Reusable, images: readonly ListedImage[]): Promise<boolean> => {
    if (reusable.kind === "cache") return await engine.removeCacheVolume(appOf(reusable.ref));
    if (reusable.kind === "step") {
      steps.changed();
      return await engine.removeBuildStep(reusable.id);
    }
    const refs = images.find((image) => image.id === reusable.id)?.refs ?? [];
    const answers = await Promise.all(refs.map((ref) => engine.removeImage(ref)));
    return answers.every(Boolean);
  };

  return {
    plan,
    used: (refs: readonly string[]): void => store.used(refs, deps.now()),
    /** A build of a Dockerfile has run its steps in this time. */
    stepsRan: (from: number, to: number): void => steps.ran(from, to),
    /** Notes how large the cache of an app has become. */
    async measure(appId: AppId): Promise<void> {
      const bytes = await engine.cacheBytes(appId);
      if (bytes !== undefined) store.measured(cacheRef(appId), bytes);
    },
    /** Removes what may go; answers what went. `wantedBytes` is what a build needs beyond the budget's own. */
    async clean(wantedBytes = 0): Promise<readonly (Reusable | StackImage)[]> {
      const planned = await plan(wantedBytes);
      const images = planned.evictions.length > 0 ? await engine.listImages() : [];
      const gone: (Reusable | StackImage)[] = [];
      for (const { reusable, why } of planned.evictions) {
        if (!(await attempt(deps.log, () => remove(reusable, images)))) continue;
        gone.push(reusable);
        store.forget([reusable.ref]);
        deps.log.info("removed", { what: reusable.ref, bytes: reusable.bytes, why });
      }
      for (const stack of planned.oldStacks) {
        if (!(await attempt(deps.log, () => engine.removeImage(stack.ref)))) continue;
        gone.push(stack);
        deps.log.info("removed", { what: stack.ref, bytes: stack.bytes, why: "old stack" });
      }
      return gone;
    },
  };
}

export function cacheRef(appId: AppId): string {
  return `cache:${appId}`;
}

function appOf(ref: string): AppId {
  return ref.slice("cache:".length) as AppId;
}

/** One thing that cannot be removed now goes the next time. */
async function attempt(log: Log, work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } catch (err) {
    if (isAppError(err, "ENGINE_UNAVAILABLE")) throw err;
    log.warn("could not be removed", { err });
    return false;
  }
}

function reusableImages(
  images: readonly ListedImage[],
  records: ReadonlyMap<string, CacheRecord>,
  stackRefs: readonly string[] | undefined,
): readonly Reusable[] {
  const byId = new Map(images.map((image) => [image.id, image]));
  return images.flatMap((image): readonly Reusable[] => {
    const { id, parentId, kind, refs } = image;
    if (kind !== "layer" && kind !== "system") return [];
    const known = refs.flatMap((ref) => records.get(ref) ?? []);
    const [first] = known;
    if (first === undefined) return [];
    const usedAt = Math.max(...known.map((record) => record.usedAt));
    const bytes = ownBytes(image, byId);
    const parentIds = parentId === undefined ? [] : [parentId];
    return [{ ref: first.ref, kind, id, parentIds, bytes, usedAt, isStale: isStale(image, byId, stackRefs) }];
  });
}

function reusableCaches(caches: readonly AppId[], records: ReadonlyMap<string, CacheRecord>): readonly Reusable[] {
  return caches.map((appId) => {
    const ref = cacheRef(appId);
    const { usedAt = 0, sizeBytes = 0 } = records.get(ref) ?? {};
    return { ref, kind: "cache", id: ref, parentIds: [], bytes: sizeBytes, usedAt, isStale: false };
  });
}

/** What an image adds to the one that it stands on. */
export function ownBytes(image: ListedImage, byId: ReadonlyMap<string, ListedImage>): number {
  return Math.max(0, image.sizeBytes - (byId.get(image.parentId ?? "")?.sizeBytes ?? 0));
}

/** Stands on a stack that is not the current one. */
function isStale(
  image: ListedImage,
  byId: ReadonlyMap<string, ListedImage>,
  stackRefs: readonly string[] | undefined,
): boolean {
  if (stackRefs === undefined) return false;
  for (let at = byId.get(image.parentId ?? ""); at !== undefined; at = byId.get(at.parentId ?? "")) {
    if (isStackOf(at)) return !at.refs.some((ref) => stackRefs.includes(ref));
  }
  return false;
}

function isStackOf(image: ListedImage): boolean {
  return image.kind === "stack" && image.refs.some((ref) => ref.startsWith("paas/stack-"));
}

/**
 * Stacks before the current one and images of services before the newest of their kind, once that has been there for a
 * while, in the order in which they can go.
 */
export function oldStackImages(
  images: readonly ListedImage[],
  stackRefs: readonly string[],
  inUse: ReadonlySet<string>,
  now: number,
): readonly StackImage[] {
  const tags = new Set(stackRefs.map(tagOf));
  const current = images.filter((image) => image.refs.some((ref) => stackRefs.includes(ref)));
  const isSettled = current.length > 0 && current.every((image) => now - image.createdAt >= oldStackMs);
  const isOldStack = (image: ListedImage) =>
    isSettled && isStackOf(image) && !image.refs.some((ref) => tags.has(tagOf(ref)));
  const left = new Map(images.map((image) => [image.id, image]));
  const gone: StackImage[] = [];
  for (;;) {
    const parents = new Set([...left.values()].map((image) => image.parentId));
    const next = [...left.values()].find(
      (image) =>
        (isOldStack(image) || isOldService(image, images, now)) && !parents.has(image.id) && !inUse.has(image.id),
    );
    if (next === undefined) return gone;
    left.delete(next.id);
    for (const ref of next.refs) gone.push({ ref, bytes: ownBytes(next, left) });
  }
}

/** A newer one of the same kind has been there for a while. */
function isOldService(image: ListedImage, images: readonly ListedImage[], now: number): boolean {
  const kind = serviceOf(image);
  if (kind === undefined) return false;
  return images.some(
    (other) => serviceOf(other) === kind && other.createdAt > image.createdAt && now - other.createdAt >= oldStackMs,
  );
}

/** `paas/service-postgres` of an image that we made. */
function serviceOf({ kind, refs }: ListedImage): string | undefined {
  const [ref] = kind === "stack" ? refs.filter((name) => name.startsWith("paas/service-")) : [];
  return ref?.slice(0, ref.lastIndexOf(":"));
}

function tagOf(ref: string): string {
  return ref.slice(ref.lastIndexOf(":") + 1);
}
