import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type Docker from "dockerode";
import { pack } from "tar-stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DiskReport } from "../../server/api/disk-report.ts";
import { waitFor } from "../../server/core/time.ts";
import { connectDocker, labels } from "../../server/docker/client.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";

/** By hand as many as one likes: PAAS_TEST_PUSHES=50 */
const pushes = Number(process.env["PAAS_TEST_PUSHES"] ?? 9);
const timeoutMs = 300_000 + pushes * 20_000;

const docker = connectDocker();
let paas: TestPaas;
let foreign: Foreign;

beforeAll(async () => {
  foreign = await Foreign.make(docker);
  paas = await TestPaas.start();
});
afterAll(async () => {
  await paas[Symbol.asyncDispose]();
  await foreign.remove();
});

const report = () => paas.json<DiskReport>(["disk"]);

/** Every version has dependencies of its own: another range, so another layer, though npm finds the same package for it. */
function version(n: number): Readonly<Record<string, string>> {
  return {
    "package.json": JSON.stringify({
      name: "shop",
      dependencies: { lodash: `>=4.17.20 <4.17.${100 + n}` },
      scripts: { start: "node server.js" },
    }),
    "server.js": `require("lodash");\nrequire("node:http").createServer((q, s) => s.end("version ${n}")).listen(process.env.PORT);\nprocess.on("SIGTERM", () => process.exit(0));\n`,
  };
}

async function push(shop: TestApp, n: number): Promise<void> {
  await shop.commit(version(n), `version ${n}`);
  await shop.mustPush();
}

test(
  `after ${pushes} pushes what builds keep is within the budget, rollback reaches five versions and nothing of others is gone`,
  async () => {
    const shop = await paas.app("shop", version(1));
    await shop.mustPush();
    const first = (await report()).budget.usedBytes;
    await push(shop, 2);
    const perVersion = (await report()).budget.usedBytes - first;
    expect(perVersion).toBeGreaterThan(500_000);
    // Room for the layers of six versions, which their droplets stand on, and one more.
    const budgetBytes = first + 6 * perVersion;
    await paas.stop();
    await paas.boot({ PAAS_CACHE_BUDGET: `${Math.ceil(budgetBytes / 1024)}k` });
    for (let n = 3; n <= pushes; n += 1) await push(shop, n);

    const settled = await waitFor(
      async () => {
        const now = await report();
        return now.going.length === 0 && now;
      },
      { every: 1000, signal: AbortSignal.timeout(60_000) },
    );
    expect(settled.apps[0]?.droplets.count).toBe(6);
    expect(settled.budget.usedBytes).toBeLessThanOrEqual(settled.budget.bytes);
    // The test can fail: without a clean-up there would be more.
    expect(first + (pushes - 1) * perVersion).toBeGreaterThan(settled.budget.bytes);

    for (let back = 1; back <= 5; back += 1) {
      await shop.mustCli("rollback", `v${pushes - back}`);
      expect(await shop.body()).toBe(`version ${pushes - back}`);
    }
    expect((await shop.cli("rollback", `v${pushes - 6}`)).code).toBe(1);
    expect(await foreign.missing()).toEqual([]);
  },
  timeoutMs,
);

test("the clean-up by hand says what goes and removes nothing of others", async () => {
  const dry = await paas.cli(["disk:clean", "--dry-run"]);
  expect(dry.code).toBe(0);
  const { output, code } = await paas.cli(["disk:clean"]);
  expect(code).toBe(0);
  expect(output).toMatch(/=====> .* more are free on the engine's disk/);
  expect(await foreign.missing()).toEqual([]);
});

/** Objects on the same engine that are not ours: without labels, and of another installation. */
class Foreign {
  readonly #docker: Docker;
  readonly #image: string;
  readonly #containers: string[] = [];
  readonly #volumes: string[] = [];

  private constructor(docker: Docker, image: string) {
    this.#docker = docker;
    this.#image = image;
  }

  static async make(docker: Docker): Promise<Foreign> {
    const tag = randomBytes(4).toString("hex");
    const repo = "somebody-else/thing";
    const tar = pack();
    tar.entry({ name: "hello" }, randomBytes(1000));
    tar.finalize();
    const stream = await docker.importImage(Readable.from(tar), { repo, tag });
    for await (const _chunk of stream) continue;
    const foreign = new Foreign(docker, `${repo}:${tag}`);
    const stopped = await docker.createContainer({ Image: `${repo}:${tag}`, Cmd: ["/hello"] });
    foreign.#containers.push(stopped.id);
    const other = { [labels.home]: `other-${tag}`, [labels.kind]: "cache", [labels.app]: "another-app" };
    for (const [name, own] of [
      ["plain", {}],
      ["other", other],
    ] as const) {
      await docker.createVolume({ Name: `somebody-else-${tag}-${name}`, Labels: own });
      foreign.#volumes.push(`somebody-else-${tag}-${name}`);
    }
    return foreign;
  }

  /** What is not there any more. */
  async missing(): Promise<readonly string[]> {
    const images = (await this.#docker.listImages()).flatMap((image) => image.RepoTags ?? []);
    const containers = (await this.#docker.listContainers({ all: true })).map((container) => container.Id);
    const volumes = (await this.#docker.listVolumes()).Volumes.map((volume) => volume.Name);
    return [
      ...[this.#image].filter((name) => !images.includes(name)),
      ...this.#containers.filter((id) => !containers.includes(id)),
      ...this.#volumes.filter((name) => !volumes.includes(name)),
    ];
  }

  async remove(): Promise<void> {
    for (const id of this.#containers) await this.#docker.getContainer(id).remove({ force: true });
    for (const name of this.#volumes) await this.#docker.getVolume(name).remove();
    await this.#docker.getImage(this.#image).remove();
  }
}
