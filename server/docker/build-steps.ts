import type Docker from "dockerode";
import type { BuildStep, ImageEngine } from "../builds/image-engine.ts";
import { bounded } from "./bounded.ts";
import { type BuildCacheRecord, diskUsage } from "./disk-usage.ts";

const listMs = 300_000;
const quickMs = 60_000;
const neverAborted = new AbortController().signal;

type StepPart = Pick<ImageEngine, "buildSteps" | "removeBuildStep">;

/** What BuildKit keeps of the steps that it has run, whoever asked for them. */
export function buildSteps(docker: Docker): StepPart {
  return {
    buildSteps: () =>
      bounded("list the engine's build cache", listMs, neverAborted, async (signal) => {
        const { BuildCache } = await diskUsage(docker, signal, "build-cache");
        return (BuildCache ?? []).map(stepOf);
      }),
    removeBuildStep: (id) =>
      bounded("remove a step of the build cache", quickMs, neverAborted, async (signal) => {
        const { CachesDeleted } = await prune(docker, { all: true, filters: { id: [id] } }, signal);
        return (CachesDeleted ?? []).includes(id);
      }),
  };
}

function stepOf(record: BuildCacheRecord): BuildStep {
  const { ID, Parent = "", Parents, Description, Size, Shared, InUse, CreatedAt, LastUsedAt } = record;
  const createdAt = Date.parse(CreatedAt);
  return {
    id: ID,
    // One until 1.41 of the API, then several.
    parentIds: Parents ?? (Parent === "" ? [] : [Parent]),
    description: Description,
    // What an image has too is not free without the step.
    bytes: Shared ? 0 : Size,
    isHeld: InUse || Shared,
    createdAt,
    usedAt: LastUsedAt === null || LastUsedAt === undefined ? createdAt : Date.parse(LastUsedAt),
  };
}

interface Pruned {
  readonly CachesDeleted: readonly string[] | null;
}

/** Only what the filters name: without them the engine would remove all of everybody's. */
function prune(
  docker: Docker,
  options: { readonly all: true; readonly filters: { readonly id: readonly [string] } },
  abortSignal: AbortSignal,
): Promise<Pruned> {
  const statusCodes = { 200: true, 400: "bad request", 500: "server error" };
  const call = { path: "/build/prune?", method: "POST", options, statusCodes, abortSignal };
  return new Promise((resolve, reject) => {
    docker.modem.dial(call, (err: unknown, data: unknown) => {
      if (err === null || err === undefined) resolve(data as Pruned);
      else reject(err instanceof Error ? err : new Error(JSON.stringify(err)));
    });
  });
}
