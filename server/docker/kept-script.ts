import type Docker from "dockerode";
import type { ScriptRunner, ScriptSpec } from "../releases/ports.ts";
import { bounded } from "./bounded.ts";
import { execIn } from "./build-exec.ts";
import { labels } from "./client.ts";
import { hostConfigOf } from "./instances.ts";
import type { NetworkOf } from "./tasks.ts";

const quickMs = 60_000;
const commitMs = 15 * 60_000;
const scriptCpus = 1;
/** It ends by itself when the daemon is gone. */
const lifeSeconds = 3600;
const neverAborted = new AbortController().signal;

/**
 * Runs a command in a droplet, in the network of its space, and keeps what it writes. Config vars are in the environment of
 * the command alone, never in the image.
 */
export function createScriptRunner(docker: Docker, home: string, networkOf: NetworkOf): ScriptRunner {
  return {
    async runKept(script, onOutput, signal) {
      const own = {
        [labels.home]: home,
        [labels.app]: script.app.id,
        [labels.build]: script.buildId,
      };
      const network = await networkOf(script.app.space, signal);
      const container = await bounded("create the container of a script", quickMs, signal, () =>
        docker.createContainer({
          Image: script.imageId,
          Labels: { ...own, [labels.kind]: "build" },
          Entrypoint: ["/bin/sh", "-c", `sleep ${lifeSeconds}`],
          HostConfig: { ...hostConfigOf(script.memoryMb, scriptCpus), NetworkMode: network },
        }),
      );
      try {
        await bounded("start the container of a script", quickMs, signal, () => container.start());
        const spec = { argv: script.argv, user: undefined, env: script.env };
        const exitCode = await execIn(docker, container.id, spec, onOutput, signal);
        if (exitCode !== 0) return { exitCode, imageId: undefined };
        const image = { ...own, [labels.kind]: "droplet" };
        return { exitCode, imageId: await keep(docker, container, script, image) };
      } finally {
        await container.remove({ force: true, v: true }).catch(() => undefined);
      }
    },
  };
}

/** As the droplet was, but for its files; the name moves over, so that the one without them goes. */
function keep(
  docker: Docker,
  container: Docker.Container,
  script: ScriptSpec,
  own: Readonly<Record<string, string>>,
): Promise<string> {
  return bounded("keep what a script wrote", commitMs, neverAborted, async () => {
    const { Config } = await docker.getImage(script.imageId).inspect();
    const _query = { container: container.id, repo: "paas/droplet", tag: script.buildId, pause: "true" };
    // An entry point that is null would become that of the container, which sleeps.
    const _body = { ...Config, Entrypoint: Config.Entrypoint ?? [], Labels: { ...Config.Labels, ...own } };
    const image: { Id: string } = await container.commit({ _query, _body });
    return image.Id;
  });
}
