import { expect, test } from "vitest";
import { newId, type AppId } from "../../../server/core/ids.ts";
import { labels } from "../../../server/docker/client.ts";
import { cacheVolume } from "../../../server/docker/build-containers.ts";
import { createImageEngine } from "../../../server/docker/image-builder.ts";
import { openTestEngine } from "../../support/engine.ts";

test("a cache volume is removed once the container that still holds it is gone", async () => {
  await using real = await openTestEngine();
  const { docker, home, runImage } = real;
  const appId = newId() as AppId;
  const name = cacheVolume(appId);
  await docker.createVolume({ Name: name, Labels: { [labels.home]: home } });
  const container = await docker.createContainer({
    Image: runImage,
    Cmd: ["sleep", "60"],
    Labels: { [labels.home]: home },
    HostConfig: { Binds: [`${name}:/cache`] },
  });
  await expect(docker.getVolume(name).remove()).rejects.toMatchObject({ statusCode: 409 });
  const removed = createImageEngine(docker, home).removeCache(appId);
  await container.remove({ force: true });
  await removed;
  const { Volumes } = await docker.listVolumes({ filters: { name: [name] } });
  expect(Volumes).toEqual([]);
});
