import type Docker from "dockerode";
import type { AppId } from "../core/ids.ts";
import { bounded } from "./bounded.ts";
import { isStatus } from "./client.ts";
import { removeImage } from "./build-images.ts";

const repo = "paas/cache";
const quickMs = 60_000;
const neverAborted = new AbortController().signal;

/**
 * The classic builder gives no name and no label to what it makes in between, so nobody could tell whose it is. The
 * last image of each stage gets one per app: the next build finds its cache, and there is never more than one set.
 */
export async function keepCached(docker: Docker, appId: AppId, images: readonly string[]): Promise<void> {
  const before = await listCached(docker, appId);
  const kept = await onlyUnnamed(docker, appId, images);
  for (const [index, id] of kept.entries()) await tagCached(docker, id, `${appId}-${index}`);
  const current = new Set(kept.map((_id, index) => `${repo}:${appId}-${index}`));
  for (const { id, refs } of before) {
    for (const ref of refs) if (!current.has(ref)) await removeImage(docker, ref);
    if (!kept.includes(id) && (await namesOf(docker, id))?.length === 0) await removeImage(docker, id);
  }
}

/** Ids come out of a stream in which a build's own output stands too: what has another name is not ours to keep. */
async function onlyUnnamed(docker: Docker, appId: AppId, images: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const image of images) {
    const details = await inspect(docker, image);
    const isOurs = details?.RepoTags.every((ref) => ref.startsWith(`${repo}:${appId}-`));
    if (details && isOurs) found.push(details.Id);
  }
  return found;
}

async function listCached(docker: Docker, appId: AppId): Promise<readonly { id: string; refs: readonly string[] }[]> {
  const filters = { reference: [`${repo}:${appId}-*`] };
  const found = await bounded("list cached images", quickMs, neverAborted, () => docker.listImages({ filters }));
  return found.map((image) => ({ id: image.Id, refs: image.RepoTags ?? [] }));
}

async function namesOf(docker: Docker, id: string): Promise<readonly string[] | undefined> {
  return (await inspect(docker, id))?.RepoTags;
}

function tagCached(docker: Docker, id: string, tag: string): Promise<void> {
  return bounded("name a cached image", quickMs, neverAborted, async () => {
    await docker.getImage(id).tag({ repo, tag });
  });
}

function inspect(docker: Docker, id: string): Promise<Docker.ImageInspectInfo | undefined> {
  return bounded("look at an image", quickMs, neverAborted, async () => {
    try {
      return await docker.getImage(id).inspect();
    } catch (err) {
      if (isStatus(err, 404)) return undefined;
      throw err;
    }
  });
}
