import type Docker from "dockerode";
import { connectDocker, labels } from "../../server/docker/client.ts";
import { newId } from "../../server/core/ids.ts";

export interface TestEngine extends AsyncDisposable {
  readonly docker: Docker;
  /** Value of the home label: everything that carries it is removed at the end. */
  readonly home: string;
  /** Ref of the stack's run image. */
  readonly runImage: string;
}

/** The real engine, with a home of its own that leaves nothing behind. */
export async function openTestEngine(): Promise<TestEngine> {
  const docker = connectDocker();
  const home = newId();
  const images = await docker.listImages({ filters: { label: [`${labels.kind}=stack`] } });
  const tags = images.flatMap((image) => image.RepoTags ?? []);
  const runImage = tags.find((tag) => tag.startsWith("paas/stack-run:"));
  if (runImage === undefined) throw new Error("The stack is missing. Make it with: cli/paas doctor --fix");
  return { docker, home, runImage, [Symbol.asyncDispose]: () => sweep(docker, home) };
}

/** Removes all containers, networks, volumes and images that carry the home label. */
export async function sweep(docker: Docker, home: string): Promise<void> {
  const filters = { label: [`${labels.home}=${home}`] };
  const ignore = () => undefined;
  const containers = await docker.listContainers({ all: true, filters });
  await Promise.all(containers.map((c) => docker.getContainer(c.Id).remove({ force: true, v: true }).catch(ignore)));
  const networks = await docker.listNetworks({ filters });
  await Promise.all(networks.map((n) => docker.getNetwork(n.Id).remove().catch(ignore)));
  const volumes = await docker.listVolumes({ filters });
  await Promise.all(volumes.Volumes.map((v) => docker.getVolume(v.Name).remove().catch(ignore)));
  const images = await docker.listImages({ filters });
  for (const image of images) await docker.getImage(image.Id).remove({ force: true }).catch(ignore);
}
