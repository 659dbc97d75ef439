import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { DockerfileRecord, DockerfileSpec } from "../builds/image-engine.ts";
import { AppError, messageOf } from "../core/errors.ts";
import { engineError, isStatus, labels } from "./client.ts";

const cpuPeriodUs = 100_000;

/**
 * Builds a Dockerfile with the classic builder, which keeps to the limits. The engine answers before it has begun: what
 * became of the build is told by the records alone.
 */
export async function buildDockerfile(
  docker: Docker,
  home: string,
  context: Readable,
  spec: DockerfileSpec,
  onRecord: (record: DockerfileRecord) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const stream = await docker.buildImage(context, { ...options(home, spec), abortSignal: signal });
    const shown = withoutLabelSteps(Object.keys(ownLabels(home, spec)).length);
    for await (const record of jsonLines(stream as AsyncIterable<Buffer>)) onRecord(shown(record));
  } catch (err) {
    signal.throwIfAborted();
    if (isStatus(err, 400)) throw new AppError("DOCKERFILE_INVALID", { cause: plainMessage(err) }, { cause: err });
    throw engineError("build the Dockerfile", err);
  } finally {
    context.destroy();
  }
  signal.throwIfAborted();
}

function options(home: string, spec: DockerfileSpec): Docker.ImageBuildOptions {
  const { ref, limits } = spec;
  return {
    t: ref,
    labels: ownLabels(home, spec),
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
