import { cp, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "node:os";
import { afterAll, expect, test } from "vitest";
import { buildpacks } from "../../../buildpacks/index.ts";
import { debian13, npmRegistry, readAvailable } from "../../../server/builds/available.ts";
import { newId } from "../../../server/core/ids.ts";
import { waitFor } from "../../../server/core/time.ts";
import { labels } from "../../../server/docker/client.ts";
import { BuildHarness } from "../../support/build-harness.ts";

const apps = path.join(import.meta.dirname, "../../fixtures/apps");
const gib = 1024 ** 3;

const harness = new BuildHarness({
  stackSalt: newId(),
  buildpacks,
  limits: { memoryBytes: 2 * gib },
  available: (needsRegistry, signal) =>
    readAvailable(
      {
        cacheFile: path.join(tmpdir(), `paas-versions-${process.getuid?.()}.json`),
        stack: debian13,
        fetch,
        registry: () => npmRegistry(process.env, signal),
        now: Date.now,
        arch: process.arch,
      },
      needsRegistry,
      signal,
    ),
});
afterAll(() => harness[Symbol.asyncDispose]());

/** Starts web of a droplet and asks it for a page. */
async function ask(imageId: string, command: readonly string[], port: number): Promise<string> {
  const container = await harness.docker.createContainer({
    Image: imageId,
    Entrypoint: [...command],
    Env: [`PORT=${port}`],
    Labels: { [labels.home]: harness.home, [labels.kind]: "build" },
    HostConfig: { Init: true },
  });
  try {
    await container.start();
    const { NetworkSettings } = await container.inspect();
    const address = NetworkSettings.Networks["bridge"]?.IPAddress;
    return await waitFor(
      () =>
        fetch(`http://${address}:${port}/`).then(
          (answer) => answer.text(),
          () => undefined,
        ),
      { every: 50, signal: AbortSignal.timeout(20_000) },
    );
  } finally {
    await container.remove({ force: true });
  }
}

test.each([
  ["node-hello", "server.js", /hello from node/],
  ["node-express", "index.js", /./],
])("%s is built, answers, and a change of its code installs nothing", async (name, file, page) => {
  const app = harness.app(name);
  const source = await harness.source({});
  await cp(path.join(apps, name), source, { recursive: true });
  const first = await harness.build(app, source);
  if (!first.result.ok) throw new Error([first.result.reason, ...first.lines].join("\n"));
  const { imageId, launcher, processes, port } = first.result.droplet;
  const web = processes.find((p) => p.type === "web")?.command ?? "";
  expect(await ask(imageId, [...launcher, web], port)).toMatch(page);

  await writeFile(
    path.join(source, file),
    'require("node:http").createServer((q, s) => s.end("second")).listen(process.env.PORT)',
  );
  const second = await harness.build(app, source);
  expect(second.lines.filter((line) => line.startsWith("----->"))).toHaveLength(2);
  expect(second.result.ok && (await ask(second.result.droplet.imageId, [...launcher, web], port))).toBe("second");
});
