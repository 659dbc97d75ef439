import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pathsOf } from "../../server/config/config.ts";
import { waitFor } from "../../server/core/time.ts";
import { connectDocker } from "../../server/docker/client.ts";
import { serverApp } from "../support/apps.ts";
import { startLoad } from "../support/load.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";
import { childrenOf, killBusiestWorker } from "../support/router-workers.ts";
import { Storm } from "../support/storm.ts";

let paas: TestPaas;
let shop: TestApp;

beforeAll(async () => {
  paas = await TestPaas.start({ PAAS_ROUTER_WORKERS: "1" });
  shop = await paas.app("shop", serverApp("v1"));
  await shop.mustPush();
});
afterAll(() => paas[Symbol.asyncDispose]());

const routerPid = () => Number(readFileSync(pathsOf(paas.home).routerPidFile, "utf8"));

test("no request is lost by pushes, rollback, scale, config, restarts, a router's upgrade, kills of daemon and worker", async () => {
  const { httpPort, httpsPort, env } = paas;
  await using storm = new Storm({ host: shop.host, httpPort: () => httpPort, httpsPort: () => httpsPort });
  for (let version = 2; version <= 11; version += 1) {
    await shop.commit(serverApp(`v${version}`), `version ${version}`);
    await shop.mustPush();
    expect(await shop.body()).toBe(`v${version}`);
  }
  await shop.mustCli("rollback");
  expect(await shop.body()).toBe("v10");
  await shop.mustCli("ps:scale", "web=3");
  await shop.mustCli("ps:scale", "web=1");
  await shop.mustCli("config:set", "GREETING=hi");
  expect(await shop.body("/env/GREETING")).toBe("hi");
  await shop.mustCli("ps:restart");

  const before = routerPid();
  await paas.stop("SIGTERM");
  env["PAAS_ROUTER_WORKERS"] = "2";
  await paas.boot();
  expect(routerPid()).not.toBe(before);
  expect([paas.httpPort, paas.httpsPort]).toEqual([httpPort, httpsPort]);
  await shop.mustCli("ps:scale", "web=2");
  await paas.stop("SIGKILL");
  await paas.boot();
  await shop.mustCli("ps:scale", "web=1");
  expect(storm.breaks).toEqual([]);

  const held = await killBusiestWorker(routerPid(), [httpPort, httpsPort]);
  await waitFor(() => childrenOf(routerPid()).length === 2, { every: 50, signal: AbortSignal.timeout(10_000) });
  const counts = { ...storm.counts };
  const kinds = Object.keys(counts) as (keyof typeof counts)[];
  await waitFor(() => kinds.every((kind) => storm.counts[kind] > counts[kind] + 5), {
    every: 50,
    signal: AbortSignal.timeout(30_000),
  });
  // An instance that is drained hears of its end after 30 s, and says good-bye to its WebSockets then.
  await waitFor(() => storm.goodbyes > 0, { every: 50, signal: AbortSignal.timeout(60_000) });
  await storm.stop();
  expect(storm.failures).toEqual([]);
  // Only what the killed worker held broke, and each was answered when it was sent again at once.
  expect(storm.breaks.filter((one) => !held.has(one.localPort))).toEqual([]);
  expect(storm.breaks.length).toBeGreaterThan(0);
  expect(storm.breaks.length).toBeLessThanOrEqual(held.size);
  expect(storm.bodies.size).toBe(11);
  for (const kind of kinds) expect(storm.counts[kind]).toBeGreaterThan(100);
});

test("a killed instance is replaced while the others serve", async () => {
  await shop.mustCli("ps:scale", "web=2");
  await using load = startLoad(() => paas.httpPort, shop.host, 50);
  const before = await paas.json<{ instances: { name: string; container: string }[] }>(["ps", "-a", "shop"]);
  const victim = before.instances.find((instance) => instance.name === "web.1");
  await connectDocker()
    .getContainer(victim?.container ?? "")
    .kill();
  const killedAt = Date.now();
  await waitFor(
    async () => {
      const { instances } = await paas.json<{ instances: { name: string; container: string; state: string }[] }>([
        "ps",
        "-a",
        "shop",
      ]);
      return instances.some((i) => i.name === "web.1" && i.container !== victim?.container && i.state === "up");
    },
    { every: 200, signal: AbortSignal.timeout(20_000) },
  );
  await load.stop();
  // Requests that were inside the killed process are lost with it; no later one is.
  expect(load.failuresSince(killedAt)).toEqual([]);
  expect(load.count).toBeGreaterThan(20);
});
