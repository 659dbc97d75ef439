import { web } from "../core/ids.ts";
import type { DropletContent, HealthCheck, Manifest, ProcessCommand } from "../core/types.ts";
import { emptyManifest } from "./app-json/app-json.ts";
import type { BuildContext } from "./build-context.ts";
import { contextPaths } from "./docker-context.ts";
import { DockerBuildProgress } from "./docker-build-progress.ts";
import { mountedSecrets, needsBuildkit } from "./dockerfile-needs.ts";
import { dockerfileName, namedValues } from "./dockerfile-settings.ts";
import { withoutSyntax } from "./dockerfile-syntax.ts";
import { dropletRef } from "./droplet.ts";
import { exposedPort } from "./exposed-port.ts";
import { BuildFailed } from "./failure.ts";
import type { DockerfileRecord, DockerfileSpec, ImageHealth } from "./image-engine.ts";
import { inMb } from "./limits.ts";
import { contextTar } from "./source-tar.ts";
import { directorySource } from "./source-view.ts";

const defaultPort = 8080;
const healthAttempts = 600;
/** A Procfile's commands replace the image's ENTRYPOINT and CMD. */
export const dockerfileLauncher: readonly string[] = ["/bin/sh", "-c"];

/** Builds the repository's Dockerfile. Without a Procfile the image's own ENTRYPOINT and CMD are `web`. */
export async function buildFromDockerfile(
  context: BuildContext,
  procfile: readonly ProcessCommand[] | undefined,
): Promise<DropletContent> {
  const { engine } = context;
  const path = context.dockerfile.path ?? dockerfileName;
  const text = readDockerfile(context, path);
  const spec = specOf(context, path, text);
  for (const name of mountedSecrets(text).filter((id) => !Object.hasOwn(spec.secrets, id))) {
    context.out.detail(
      `A step mounts the secret ${name}, which is not given: paas builds:dockerfile:set --secret ${name}`,
    );
  }
  const missing = await runDockerfile(context, spec, undefined);
  if (missing !== undefined) {
    context.out.detail(
      `${missing} could not be pulled: the engine reads the Dockerfile by itself, as if there were no "# syntax=" line.`,
    );
    await runDockerfile(context, spec, withoutSyntax(text));
  }
  context.stepsMade();
  const facts = await engine.imageFacts(spec.ref);
  if (procfile === undefined && !facts.hasCommand) {
    await engine.removeImage(spec.ref);
    throw new BuildFailed(
      "The image has neither CMD nor ENTRYPOINT, and there is no Procfile: nothing says how to start it.",
      'Add a line like CMD ["node", "server.js"] to the Dockerfile.',
    );
  }
  const port = exposedPort(text, facts.tcpPorts) ?? defaultPort;
  const others = facts.tcpPorts.filter((p) => p !== port);
  if (others.length > 0) {
    context.out.detail(
      `web listens on ${port}; also exposed: ${others.join(", ")} (paas map-route … --port ${others[0]})`,
    );
  }
  return {
    kind: "dockerfile",
    imageId: facts.id,
    processes: procfile ?? [{ type: web, command: undefined }],
    launcher: dockerfileLauncher,
    env: {},
    port,
    builder: spec.path,
    manifest: healthManifest(facts.health),
  };
}

/** HEALTHCHECK is asked before web gets requests; how long it may take to pass is the boot timeout's business. */
function healthManifest(health: ImageHealth | undefined): Manifest | undefined {
  if (health === undefined) return undefined;
  const { argv, timeoutMs } = health;
  const often = { attempts: healthAttempts, waitMs: 1000, initialDelayMs: 0, warn: false };
  const check: HealthCheck = { name: "HEALTHCHECK", probe: { kind: "command", argv }, timeoutMs, ...often };
  return { ...emptyManifest, checks: { [web]: { startup: [check] } } };
}

function specOf({ dockerfile, owner, limits, input, cache }: BuildContext, path: string, text: string): DockerfileSpec {
  return {
    owner,
    limits,
    ref: dropletRef(owner.buildId),
    path,
    needsBuildkit: needsBuildkit(text) || (dockerfile.secrets ?? []).length > 0,
    isFresh: cache.freshSteps,
    mountScope: cache.purges === 0 ? owner.appId : `${owner.appId}-${cache.purges}`,
    target: dockerfile.target,
    args: namedValues(dockerfile.args ?? [], input.config, "build argument"),
    secrets: namedValues(dockerfile.secrets ?? [], input.config, "secret"),
  };
}

function readDockerfile({ input }: BuildContext, path: string): string {
  const text = directorySource(input.sourceDir).read(path);
  if (text !== undefined) return text;
  throw new BuildFailed(
    `There is no ${path} in the repository.`,
    "Commit it, or name another: paas builds:dockerfile:set --path PATH",
  );
}

/** Answers the image of a `# syntax=` line that could not be had, when that is why it failed. `text` replaces the file's. */
async function runDockerfile(
  context: BuildContext,
  spec: DockerfileSpec,
  text: string | undefined,
): Promise<string | undefined> {
  const { engine, input, owner, limits, out, signal } = context;
  const paths = await contextPaths(input.sourceDir, spec.path);
  const replaced = text === undefined ? undefined : { path: spec.path, text };
  await context.admit();
  const tar = contextTar(input.sourceDir, paths, signal, replaced);
  const progress = new DockerBuildProgress();
  out.step(replaced === undefined ? "Building the Dockerfile" : "Building the Dockerfile once more");
  const onRecord = (record: DockerfileRecord): void => {
    const shown = progress.take(record);
    if (shown !== undefined) out.raw(shown);
  };
  const startedAt = Date.now();
  try {
    await context.timed(
      () => progress.current,
      () => engine.buildDockerfile(tar, spec, onRecord, signal),
    );
  } finally {
    context.stepsRan(startedAt, Date.now());
    await engine.keepCached(owner.appId, progress.cached);
  }
  if (replaced === undefined && progress.missingSyntax !== undefined) return progress.missingSyntax;
  progress.assertBuilt(inMb(limits.memoryBytes));
  return undefined;
}
