/** An image or a volume that builds use again. */
export interface Reusable {
  /** Of an image one of its names, of a cache `cache:APP`, of a step `step:ID`. */
  readonly ref: string;
  readonly kind: "layer" | "system" | "cache" | "step";
  /** Of an image or a step the engine's; of a cache its ref. */
  readonly id: string;
  /** What it stands on. */
  readonly parentIds: readonly string[];
  /** What would be free without it. */
  readonly bytes: number;
  readonly usedAt: number;
  /** Made on a stack that is no longer used: no build will ever take it. */
  readonly isStale: boolean;
  /** For people, where its ref says nothing. */
  readonly label?: string;
}

export interface Retained {
  readonly reusables: readonly Reusable[];
  /** Images that something else stands on: droplets, containers, images of other people. */
  readonly held: ReadonlySet<string>;
  readonly budgetBytes: number;
  /** More than the budget asks for, when a build needs the room. */
  readonly wantedBytes?: number;
  /** What was used since then may be in use now. */
  readonly inUseSince: number;
}

export interface Eviction {
  readonly reusable: Reusable;
  readonly why: "stale" | "budget" | "room";
}

/**
 * What goes, in the order in which it can: what no build will take any more, then the least recently used until the rest
 * is within the budget. Nothing goes that something else stands on.
 */
export function evictions(input: Retained): readonly Eviction[] {
  const left = new Map(input.reusables.map((one) => [one.id, one]));
  const gone: Eviction[] = [];
  let bytes = input.reusables.reduce((sum, one) => sum + one.bytes, 0);
  let freed = 0;
  const drop = (reusable: Reusable, why: Eviction["why"]): void => {
    left.delete(reusable.id);
    bytes -= reusable.bytes;
    freed += reusable.bytes;
    gone.push({ reusable, why });
  };
  for (let next = oldest(left, input, true); next !== undefined; next = oldest(left, input, true)) drop(next, "stale");
  for (;;) {
    const isOver = bytes > input.budgetBytes;
    if (!isOver && freed >= (input.wantedBytes ?? 0)) return gone;
    const next = oldest(left, input, false);
    if (next === undefined) return gone;
    drop(next, isOver ? "budget" : "room");
  }
}

/** The one that has not been used for the longest time, of those on which nothing stands. */
function oldest(left: ReadonlyMap<string, Reusable>, input: Retained, staleOnly: boolean): Reusable | undefined {
  const parents = new Set([...left.values()].flatMap((one) => one.parentIds));
  let found: Reusable | undefined;
  for (const one of left.values()) {
    const isFree = !parents.has(one.id) && !input.held.has(one.id) && one.usedAt < input.inUseSince;
    if (!isFree || (staleOnly && !one.isStale)) continue;
    if (found === undefined || one.usedAt < found.usedAt) found = one;
  }
  return found;
}

/** A fifth of the disk, between 2 and 50 GiB. */
export function defaultBudget(diskBytes: number | undefined): number {
  const gib = 1024 ** 3;
  return Math.min(50 * gib, Math.max(2 * gib, Math.floor((diskBytes ?? 50 * gib) / 5)));
}
