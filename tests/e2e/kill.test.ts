import { afterAll, beforeAll, expect, test } from "vitest";
import { faultPoints } from "../../server/core/fault.ts";
import { waitFor } from "../../server/core/time.ts";
import { connectDocker } from "../../server/docker/client.ts";
import { serverApp } from "../support/apps.ts";
import { installId, TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;
const withRelease = (text: string) => serverApp(text, "web: python3 server.py\nrelease: true\n");

beforeAll(async () => {
  paas = await TestPaas.start();
  shop = await paas.app("shop", withRelease("v0"));
  await shop.mustPush();
});
afterAll(() => paas[Symbol.asyncDispose]());

interface Ps {
  readonly instances: readonly { readonly state: string; readonly version: number }[];
}
interface ReleaseRow {
  readonly version: number;
  readonly status: string;
  readonly current: boolean;
}

test.each(faultPoints)("a daemon that is killed at %s leaves one whole release and nothing astray", async (point) => {
  const text = `at ${point}`;
  const before = await shop.body();
  await paas.stop();
  await paas.boot({ PAAS_FAULT: point });
  await shop.commit(withRelease(text), point);
  const push = await shop.push();
  expect(push.code).not.toBe(0);
  await paas.ended(60_000);
  // The router serves on its own.
  expect([before, text]).toContain(await shop.body());
  await paas.boot();

  const releases = await paas.json<readonly ReleaseRow[]>(["releases", "-a", "shop", "-n", "500"]);
  const current = releases.filter((release) => release.current);
  expect(current).toHaveLength(1);
  expect(releases.filter((release) => release.status === "pending")).toEqual([]);
  const wanted = current[0]?.version;
  await waitFor(
    async () => {
      const { instances } = await paas.json<Ps>(["ps", "-a", "shop"]);
      return instances.length === 1 && instances[0]?.state === "up" && instances[0].version === wanted;
    },
    { every: 200, signal: AbortSignal.timeout(60_000) },
  );
  const served = await shop.body();
  const isAfterCommitPoint = faultPoints.indexOf(point) >= faultPoints.indexOf("after-promote");
  expect(served).toBe(isAfterCommitPoint ? text : before);

  await expectNothingAstray(releases.length);
  // The same commit can be pushed again, and then it is what serves.
  await shop.git("commit", "-q", "--allow-empty", "-m", "again");
  await shop.mustPush();
  expect(await shop.body()).toBe(text);
});

test("a daemon that is killed while one release makes room for another brings it back, and requests wait for it", async () => {
  const before = await shop.body();
  await shop.mustCli("strategy", "recreate");
  await paas.stop();
  await paas.boot({ PAAS_FAULT: "instance-started" });
  await shop.commit(withRelease("never"), "killed");
  expect((await shop.push()).code).not.toBe(0);
  await paas.ended(60_000);
  const held = shop.body();
  await paas.boot();
  expect(await held).toBe(before);
  const releases = await paas.json<readonly ReleaseRow[]>(["releases", "-a", "shop", "-n", "500"]);
  const { instances } = await paas.json<Ps>(["ps", "-a", "shop"]);
  expect(instances).toMatchObject([{ state: "up", version: releases.find((release) => release.current)?.version }]);
  await expectNothingAstray(releases.length);
});

async function expectNothingAstray(releases: number): Promise<void> {
  const docker = connectDocker();
  const home = (await installId(paas.home)) ?? "none";
  const label = [`paas.home=${home}`];
  const containers = await docker.listContainers({ all: true, filters: { label } });
  expect(containers.map((c) => c.Labels["paas.kind"])).toEqual(["instance"]);
  const images = await docker.listImages({ filters: { label: [...label, "paas.kind=droplet"] } });
  expect(images.length).toBeLessThanOrEqual(releases);
  const builds = await paas.json<readonly { readonly status: string }[]>(["builds", "-a", "shop"]);
  expect(builds.filter((build) => build.status === "running" || build.status === "queued")).toEqual([]);
}
