import type { AppId } from "../core/ids.ts";
import type { ImageEngine, OwnImage } from "./image-engine.ts";

/** Removes build containers that no running build owns, e.g. after a crash; answers how many. */
export async function cleanUpAfterCrash(
  engine: ImageEngine,
  running: { has(buildId: string): boolean },
): Promise<number> {
  const stray = (await engine.buildContainers()).filter((c) => !running.has(c.buildId));
  await Promise.all(stray.map((c) => engine.removeContainer(c.id)));
  return stray.length;
}

/** Removes the droplet images of an app but those to keep (image ids); one that a container uses is left. */
export async function removeDropletImages(
  engine: ImageEngine,
  appId: AppId,
  keep: ReadonlySet<string> = new Set(),
): Promise<number> {
  const all = await engine.ownImages();
  const droplets = all.filter((i) => i.kind === "droplet" && i.appId === appId && !keep.has(i.id));
  let removed = 0;
  for (const image of droplets) {
    // By its name where it has one: what is left over without a name is removed with it.
    const answers = await Promise.all(namesOf(image).map((ref) => engine.removeImage(ref)));
    if (answers.every(Boolean)) removed++;
  }
  return removed;
}

/** Removes layers older than `maxAgeMs` on which no other image stands. */
export async function pruneLayers(engine: ImageEngine, now: number, maxAgeMs: number): Promise<number> {
  const prunable = prunableLayers(await engine.ownImages(), now, maxAgeMs);
  const answers = await Promise.all(prunable.flatMap(namesOf).map((ref) => engine.removeImage(ref)));
  return answers.filter(Boolean).length;
}

/** Which layers may go: old, and no image of ours has them as its parent. */
export function prunableLayers(images: readonly OwnImage[], now: number, maxAgeMs: number): readonly OwnImage[] {
  const parents = new Set(images.map((i) => i.parentId));
  return images.filter((i) => i.kind === "layer" && !parents.has(i.id) && now - i.createdAt > maxAgeMs);
}

function namesOf(image: OwnImage): readonly string[] {
  return image.refs.length > 0 ? image.refs : [image.id];
}
