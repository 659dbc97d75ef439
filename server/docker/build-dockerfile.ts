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
    for await (const record of jsonLines(stream as AsyncIterable<Buffer>)) onRecord(record);
  } catch (err) {
    signal.throwIfAborted();
    if (isStatus(err, 400)) throw new AppError("DOCKERFILE_INVALID", { cause: plainMessage(err) }, { cause: err });
    throw engineError("build the Dockerfile", err);
  } finally {
    context.destroy();
  }
  signal.throwIfAborted();
}

function options(home: string, { owner, ref, limits }: DockerfileSpec): Docker.ImageBuildOptions {
  return {
    t: ref,
    labels: {
      [labels.kind]: "droplet",
      [labels.home]: home,
      [labels.app]: owner.appId,
      [labels.build]: owner.buildId,
    },
    rm: true,
    forcerm: true,
    memory: limits.memoryBytes,
    memswap: limits.memoryBytes,
    cpuperiod: cpuPeriodUs,
    cpuquota: Math.round(limits.cpus * cpuPeriodUs),
    cpushares: 256,
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
