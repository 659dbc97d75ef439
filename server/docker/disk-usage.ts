import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";

/** What the engine keeps on its disk. */
export interface EngineUsage {
  readonly images: readonly UsedImage[];
  readonly volumes: readonly UsedVolume[];
  /** Of BuildKit, which tells nobody whose it is. */
  readonly buildCacheBytes: number;
}

export interface UsedImage {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly refs: readonly string[];
  readonly kind: string | undefined;
  /** Of this installation. */
  readonly isOwn: boolean;
  readonly app: string | undefined;
  readonly createdAt: number;
  readonly sizeBytes: number;
  /** Of it, what other images have too. */
  readonly sharedBytes: number;
}

export interface UsedVolume {
  readonly name: string;
  readonly kind: string | undefined;
  readonly isOwn: boolean;
  readonly app: string | undefined;
  readonly service: string | undefined;
  readonly bytes: number;
}

const timeoutMs = 300_000;
const busyEveryMs = 500;

interface DiskUsage {
  readonly Images: readonly (Docker.ImageInfo & { readonly SharedSize: number })[] | null;
  readonly Volumes: readonly Docker.VolumeInspectInfo[] | null;
  readonly BuildCache: readonly BuildCacheRecord[] | null;
}

/** https://docs.docker.com/reference/api/engine/ (SystemDataUsage) */
export interface BuildCacheRecord {
  readonly ID: string;
  readonly Parent?: string;
  readonly Parents?: readonly string[] | null;
  readonly Description: string;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly Size: number;
  readonly CreatedAt: string;
  readonly LastUsedAt?: string | null;
}

/** Asks the engine, which walks through all volumes for it: seconds, not milliseconds. */
export function engineUsage(docker: Docker, home: string, signal: AbortSignal): Promise<EngineUsage> {
  return bounded("ask the engine what takes its disk", timeoutMs, signal, async (abortSignal) => {
    const df = await diskUsage(docker, abortSignal);
    return {
      images: (df.Images ?? []).map((image) => ({
        id: image.Id,
        parentId: image.ParentId || undefined,
        refs: (image.RepoTags ?? []).filter((ref) => ref !== "<none>:<none>"),
        kind: image.Labels?.[labels.kind],
        isOwn: image.Labels?.[labels.home] === home,
        app: image.Labels?.[labels.app] || undefined,
        createdAt: image.Created * 1000,
        sizeBytes: image.Size,
        sharedBytes: Math.max(0, image.SharedSize),
      })),
      volumes: (df.Volumes ?? []).map(({ Name, Labels, UsageData }) => ({
        name: Name,
        kind: Labels?.[labels.kind],
        isOwn: Labels?.[labels.home] === home,
        app: Labels?.[labels.app],
        service: Labels?.[labels.service],
        bytes: Math.max(0, UsageData?.Size ?? 0),
      })),
      buildCacheBytes: (df.BuildCache ?? []).reduce((sum, { Size, Shared }) => sum + (Shared ? 0 : Size), 0),
    };
  });
}

/** The engine answers one at a time, and refuses the others. One of before 1.42 of the API answers all of it in any case. */
export async function diskUsage(docker: Docker, signal: AbortSignal, type?: "build-cache"): Promise<DiskUsage> {
  // The engine knows `type`, the types do not.
  const df = docker.df.bind(docker) as unknown as (options: { readonly type?: string }) => Promise<DiskUsage>;
  for (;;) {
    try {
      return await df(type === undefined ? {} : { type });
    } catch (err) {
      if (!isStatus(err, 409, 500) || !String(err).includes("already running")) throw err;
      await delay(busyEveryMs, undefined, { signal });
    }
  }
}
