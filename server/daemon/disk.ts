import path from "node:path";
import type { AppDisk, DiskReport, GoingObject } from "../api/disk-report.ts";
import type { DiskPort } from "../api/platform.ts";
import { type HousekeepingPlan, ownBytes } from "../builds/housekeeping.ts";
import type { Fetched } from "../builds/source/fetched.ts";
import { pathsOf } from "../config/config.ts";
import type { AppId } from "../core/ids.ts";
import { formatBytes } from "../core/size.ts";
import type { App } from "../core/types.ts";
import { folderBytes } from "../docker/build-usage.ts";
import { type EngineUsage, engineUsage, type UsedImage } from "../docker/disk-usage.ts";
import { dispensableOf, removeDispensable, type RetentionDeps } from "../releases/retention.ts";
import type { Runtime } from "./runtime.ts";
import type { State } from "./state.ts";

export interface DiskParts {
  readonly state: State;
  readonly runtime: Runtime;
  readonly retention: RetentionDeps;
  readonly serviceName: (id: string) => string | undefined;
  readonly home: string;
}

const maxLabel = 60;

const why = {
  stale: "made on an older stack",
  budget: "least recently used, above the budget",
  room: "least recently used",
} as const;

/** Who takes what of the disk, and what goes. */
export function createDisk(parts: DiskParts): DiskPort {
  const { state, runtime } = parts;
  const { housekeeping } = runtime.builds;

  const report = async (signal: AbortSignal): Promise<DiskReport> => {
    const apps = state.apps.list();
    const usage = await engineUsage(runtime.docker, state.installId, signal);
    for (const app of apps) await housekeeping.measure(app.id);
    const [planned, fetched, disk, stackRefs] = await Promise.all([
      housekeeping.plan(),
      runtime.fetched.plan(),
      runtime.imageEngine.disk(),
      runtime.stackRefs(),
    ]);
    const floorBytes = await runtime.builds.floorBytes();
    const layers = planned.reusables.filter((one) => one.kind === "layer" || one.kind === "system");
    const steps = planned.reusables.filter((one) => one.kind === "step");
    return {
      disk: disk && { ...disk, floorBytes },
      apps: await Promise.all(apps.map((app) => appDisk(app, usage, parts.home))),
      services: usage.volumes
        .filter((volume) => volume.isOwn && volume.kind === "service")
        .map((volume) => ({ name: parts.serviceName(volume.service ?? "") ?? volume.name, bytes: volume.bytes })),
      layers: { count: layers.length, bytes: sum(layers.map((one) => one.bytes)) },
      steps: { count: steps.length, bytes: sum(steps.map((one) => one.bytes)) },
      fetched: {
        count: fetched.all.length,
        bytes: sum(fetched.all.map((one) => one.bytes)),
        budgetBytes: fetched.budgetBytes,
      },
      stacks: stacksOf(usage, stackRefs ?? []),
      budget: { usedBytes: sum(planned.reusables.map((one) => one.bytes)), bytes: planned.budgetBytes },
      going: [
        ...(await goingDroplets(parts, apps, usage)),
        ...goingReusables(planned, state),
        ...fetched.going.map((one) => ({ what: fetchedName(one), bytes: one.bytes, why: why.budget })),
      ],
      others: othersOf(usage, planned),
    };
  };

  return {
    report,
    async clean(_actor, out, signal) {
      const before = await runtime.imageEngine.disk();
      out.step("Removing droplets that no rollback needs");
      for (const app of state.apps.list()) {
        for (const droplet of await dispensableOf(parts.retention, app.id)) {
          out.detail(`${app.name}: droplet of ${droplet.commit.slice(0, 8)}`);
        }
        await removeDispensable(parts.retention, app.id);
        await housekeeping.measure(app.id);
        signal.throwIfAborted();
      }
      out.step("Removing layers, caches and stacks that are not needed");
      const gone = await housekeeping.clean();
      for (const one of gone) out.detail(`${nameOf(one, state)}: ${formatBytes(one.bytes)}`);
      for (const one of await runtime.fetched.clean()) out.detail(`${fetchedName(one)}: ${formatBytes(one.bytes)}`);
      const after = await runtime.imageEngine.disk();
      const freedBytes = Math.max(0, (after?.freeBytes ?? 0) - (before?.freeBytes ?? 0));
      out.result(`${formatBytes(freedBytes)} more are free on the engine's disk`);
      return { freedBytes };
    },
  };
}

async function appDisk(app: App, usage: EngineUsage, home: string): Promise<AppDisk> {
  const paths = pathsOf(home);
  const droplets = usage.images.filter((image) => image.isOwn && image.kind === "droplet" && image.app === app.id);
  const folder = async (...at: string[]) => (await folderBytes(path.join(...at))) ?? 0;
  return {
    app: app.name,
    droplets: { count: droplets.length, bytes: sum(droplets.map((image) => bytesOf(image, usage))) },
    cacheBytes: sum(
      usage.volumes.filter((v) => v.isOwn && v.kind === "cache" && v.app === app.id).map((volume) => volume.bytes),
    ),
    logBytes: await folder(paths.logs, app.id),
    buildOutputBytes: await folder(paths.builds, app.id),
    repositoryBytes: await folder(paths.repos, `${app.id}.git`),
  };
}

/** What it adds to the image that it stands on; where the engine does not know that one, what no other image has. */
function bytesOf(image: UsedImage, usage: EngineUsage): number {
  const parent = usage.images.find((one) => one.id === image.parentId);
  return parent === undefined ? image.sizeBytes - image.sharedBytes : Math.max(0, image.sizeBytes - parent.sizeBytes);
}

function stacksOf(usage: EngineUsage, current: readonly string[]): DiskReport["stacks"] {
  const byId = new Map(usage.images.map((image) => [image.id, image]));
  const tags = new Set(current.map((ref) => ref.slice(ref.lastIndexOf(":"))));
  return usage.images
    .filter((image) => image.kind === "stack" && image.refs.length > 0)
    .map((image) => {
      const ref = image.refs[0] ?? image.id;
      const isCurrent = !ref.startsWith("paas/stack-") || tags.has(ref.slice(ref.lastIndexOf(":")));
      return { ref, bytes: ownBytes(image, byId), isCurrent };
    })
    .toSorted((a, b) => (a.ref < b.ref ? -1 : 1));
}

async function goingDroplets(
  parts: DiskParts,
  apps: readonly App[],
  usage: EngineUsage,
): Promise<readonly GoingObject[]> {
  const going: GoingObject[] = [];
  for (const app of apps) {
    for (const droplet of await dispensableOf(parts.retention, app.id)) {
      const image = usage.images.find((one) => one.id === droplet.imageId);
      const bytes = image === undefined ? 0 : bytesOf(image, usage);
      going.push({
        what: `${app.name}: droplet of ${droplet.commit.slice(0, 8)}`,
        bytes,
        why: "no rollback reaches it",
      });
    }
  }
  return going;
}

function goingReusables(planned: HousekeepingPlan, state: State): readonly GoingObject[] {
  const reusables = planned.evictions.map((one) => ({
    what: nameOf(one.reusable, state),
    bytes: one.reusable.bytes,
    why: why[one.why],
  }));
  return [...reusables, ...planned.oldStacks.map(({ ref, bytes }) => ({ what: ref, bytes, why: "older stack" }))];
}

/** `cache:APPID` by the app's name, of an image its own, of a step what it did. */
function nameOf({ ref, label }: { readonly ref: string; readonly label?: string }, state: State): string {
  if (label !== undefined) return `step of a Dockerfile: ${label.slice(0, maxLabel)}`;
  if (!ref.startsWith("cache:")) return ref;
  const name = state.apps.getById(ref.slice("cache:".length) as AppId)?.name;
  return name === undefined ? "build cache of an app that is gone" : `${name}: build cache`;
}

function fetchedName({ path: at }: Fetched): string {
  const name = path.basename(at);
  return `${name.endsWith(".git") ? "fetched repository" : "downloaded buildpack"} ${name.slice(0, 8)}`;
}

function othersOf(usage: EngineUsage, planned: HousekeepingPlan): DiskReport["others"] {
  const ours = new Set(planned.reusables.map((one) => one.id));
  const steps = planned.reusables.filter((one) => one.kind === "step");
  const images = usage.images.filter((image) => !image.isOwn && image.kind !== "stack" && !ours.has(image.id));
  const volumes = usage.volumes.filter((volume) => !volume.isOwn);
  return {
    imageCount: images.length,
    imageBytes: sum(images.map((image) => Math.max(0, image.sizeBytes - image.sharedBytes))),
    volumeCount: volumes.length,
    volumeBytes: sum(volumes.map((volume) => volume.bytes)),
    buildCacheBytes: Math.max(0, usage.buildCacheBytes - sum(steps.map((one) => one.bytes))),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
