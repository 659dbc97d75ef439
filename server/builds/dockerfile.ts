import { readFile } from "node:fs/promises";
import path from "node:path";
import { web } from "../core/ids.ts";
import type { DropletContent, ProcessCommand } from "../core/types.ts";
import type { BuildContext } from "./build-context.ts";
import { contextPaths } from "./docker-context.ts";
import { DockerfileProgress } from "./dockerfile-progress.ts";
import { dropletRef } from "./droplet.ts";
import { exposedPort } from "./exposed-port.ts";
import { BuildFailed } from "./failure.ts";
import type { DockerfileRecord } from "./image-engine.ts";
import { inMb } from "./limits.ts";
import { contextTar } from "./source-tar.ts";

const defaultPort = 8080;
/** A Procfile's commands replace the image's ENTRYPOINT and CMD. */
export const dockerfileLauncher: readonly string[] = ["/bin/sh", "-c"];

/** Builds the repository's Dockerfile. Without a Procfile the image's own ENTRYPOINT and CMD are `web`. */
export async function buildFromDockerfile(
  context: BuildContext,
  procfile: readonly ProcessCommand[] | undefined,
): Promise<DropletContent> {
  const { engine, input, owner } = context;
  const ref = dropletRef(owner.buildId);
  const progress = new DockerfileProgress();
  try {
    await runDockerfile(context, ref, progress);
  } finally {
    await engine.keepCached(owner.appId, progress.cached);
  }
  const facts = await engine.imageFacts(ref);
  if (procfile === undefined && !facts.hasCommand) {
    await engine.removeImage(ref);
    throw new BuildFailed(
      "The image has neither CMD nor ENTRYPOINT, and there is no Procfile: nothing says how to start it.",
      'Add a line like CMD ["node", "server.js"] to the Dockerfile.',
    );
  }
  const dockerfile = await readFile(path.join(input.sourceDir, "Dockerfile"), "utf8");
  return {
    kind: "dockerfile",
    imageId: facts.id,
    processes: procfile ?? [{ type: web, command: undefined }],
    launcher: dockerfileLauncher,
    env: {},
    port: exposedPort(dockerfile, facts.tcpPorts) ?? defaultPort,
    builder: "Dockerfile",
  };
}

async function runDockerfile(context: BuildContext, ref: string, progress: DockerfileProgress): Promise<void> {
  const { engine, input, owner, limits, out, signal } = context;
  const tar = contextTar(input.sourceDir, await contextPaths(input.sourceDir), signal);
  await context.admit();
  out.step("Building the Dockerfile");
  const onRecord = (record: DockerfileRecord): void => {
    const shown = progress.take(record);
    if (shown !== undefined) out.raw(shown);
  };
  const build = () => engine.buildDockerfile(tar, { owner, ref, limits }, onRecord, signal);
  await context.timed(() => progress.current, build);
  progress.assertBuilt(inMb(limits.memoryBytes));
}
