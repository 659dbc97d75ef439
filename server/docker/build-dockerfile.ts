import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { DockerfileRecord, DockerfileSpec } from "../builds/image-engine.ts";
import { AppError, messageOf } from "../core/errors.ts";
import { BuildkitGroup } from "./buildkit/cgroup.ts";
import { openSession } from "./buildkit/session.ts";
import { decodeTrace } from "./buildkit/trace.ts";
import { engineError, isStatus, labels } from "./client.ts";

const cpuPeriodUs = 100_000;

const group = new BuildkitGroup();

/**
 * Builds a Dockerfile: by BuildKit where the engine has it and its steps can be limited or the Dockerfile needs it, else
 * by the classic builder, which keeps to the limits itself. The engine answers before it has begun: what became of the
 * build is told by the records alone.
 */
export async function buildDockerfile(
  docker: Docker,
  home: string,
  context: Readable,
  spec: DockerfileSpec,
  onRecord: (record: DockerfileRecord) => void,
  signal: AbortSignal,
  builder: "best" | "classic",
): Promise<void> {
  const isLimited = await group.enter(spec.limits);
  const hitsBefore = await group.memoryHits();
  try {
    const isKit = builder === "best" && (isLimited || spec.needsBuildkit) && (await hasBuildkit(docker));
    using session = isKit ? await openSession(docker, spec.secrets) : undefined;
    const stream = await startBuild(docker, context, options(home, spec, session?.id), signal);
    const shown = session === undefined ? withoutLabelSteps(Object.keys(ownLabels(home, spec)).length) : decoded;
    for await (const record of jsonLines(stream)) onRecord(shown(record));
    if ((await group.memoryHits()) > hitsBefore) onRecord({ ranOutOfMemory: true });
  } catch (err) {
    signal.throwIfAborted();
    if (isStatus(err, 400)) throw new AppError("DOCKERFILE_INVALID", { cause: plainMessage(err) }, { cause: err });
    throw engineError("build the Dockerfile", err);
  } finally {
    context.destroy();
    if (isLimited) await group.leave(spec.limits);
  }
  signal.throwIfAborted();
}

/** Since 18.09 on Linux; what only speaks the engine's API may say otherwise. */
async function hasBuildkit(docker: Docker): Promise<boolean> {
  const { Os, Components } = await docker.version();
  return Os === "linux" && (Components ?? []).some((c) => c.Name === "Engine");
}

/** Not `buildImage`, which opens a session of its own that answers nothing but credentials. */
function startBuild(
  docker: Docker,
  context: Readable,
  query: object,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const statusCodes = { 200: true, 400: "bad request", 500: "server error" };
  const call = {
    path: "/build?",
    method: "POST",
    file: context,
    isStream: true,
    options: query,
    abortSignal: signal,
    statusCodes,
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(call, (err: unknown, stream: unknown) => {
      if (err === null || err === undefined) resolve(stream as AsyncIterable<Buffer>);
      else reject(err instanceof Error ? err : new Error(JSON.stringify(err)));
    });
  });
}

const traceId = "moby.buildkit.trace";

/** BuildKit's records with what they hold in base64. */
function decoded(record: DockerfileRecord): DockerfileRecord {
  const aux: unknown = record.aux;
  if (record.id !== traceId || typeof aux !== "string") return record;
  return { trace: decodeTrace(Buffer.from(aux, "base64")) };
}

function options(home: string, spec: DockerfileSpec, session: string | undefined) {
  const { ref, limits } = spec;
  return {
    t: ref,
    dockerfile: spec.path,
    ...(spec.target !== undefined && { target: spec.target }),
    ...(session !== undefined && { version: "2", session }),
    // Cache mounts have names of their own per app: one could leave something for the other's build there.
    buildargs: session === undefined ? spec.args : { ...spec.args, BUILDKIT_CACHE_MOUNT_NS: spec.mountScope },
    labels: ownLabels(home, spec),
    ...(spec.isFresh && { nocache: "1" }),
    rm: true,
    forcerm: true,
    memory: limits.memoryBytes,
    memswap: limits.memoryBytes,
    cpuperiod: cpuPeriodUs,
    cpuquota: Math.round(limits.cpus * cpuPeriodUs),
    cpushares: 256,
  };
}

function ownLabels(home: string, { owner }: DockerfileSpec): Record<string, string> {
  return {
    [labels.kind]: "droplet",
    [labels.home]: home,
    [labels.app]: owner.appId,
    [labels.build]: owner.buildId,
  };
}

/** The engine appends one step per label to the user's own; they are neither counted nor shown. */
export function withoutLabelSteps(count: number): (record: DockerfileRecord) => DockerfileRecord {
  let isOurs = false;
  return (record) => {
    const [, step, total, rest] = /^Step (\d+)\/(\d+) (.*)/s.exec(record.stream ?? "") ?? [];
    if (step !== undefined) {
      const own = Number(total) - count;
      isOurs = Number(step) > own;
      if (!isOurs) return { ...record, stream: `Step ${step}/${own} ${rest}` };
    }
    return isOurs && record.stream !== undefined && !record.stream.startsWith("Successfully") ? {} : record;
  };
}

async function* jsonLines(stream: AsyncIterable<Buffer>): AsyncGenerator<DockerfileRecord> {
  const decoder = new TextDecoder();
  let partial = "";
  for await (const chunk of stream) {
    const lines = (partial + decoder.decode(chunk, { stream: true })).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as DockerfileRecord;
  }
  if (partial.trim() !== "") yield JSON.parse(partial) as DockerfileRecord;
}

/** `(HTTP code 400) unexpected - dockerfile parse error …` without what comes before the engine's own words. */
function plainMessage(err: unknown): string {
  return messageOf(err)
    .replace(/^\(HTTP code \d+\) [^-]*- /, "")
    .replace(/\s+/g, " ")
    .trim();
}
