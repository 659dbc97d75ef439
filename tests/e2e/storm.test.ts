import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../server/core/time.ts";
import { connectDocker } from "../../server/docker/client.ts";
import { serverApp } from "../support/apps.ts";
import { startLoad } from "../support/load.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;

beforeAll(async () => {
  paas = await TestPaas.start();
  shop = await paas.app("shop", serverApp("v1"));
  await shop.mustPush();
});
afterAll(() => paas[Symbol.asyncDispose]());

test("no request is lost by pushes, rollback, scale, config, restart, a daemon restart and a daemon kill", async () => {
  await using load = startLoad(() => paas.httpPort, shop.host, 50);
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
  await paas.stop("SIGTERM");
  await paas.boot();
  await shop.mustCli("ps:scale", "web=2");
  await paas.stop("SIGKILL");
  await paas.boot();
  await shop.mustCli("ps:scale", "web=1");
  expect(await shop.body()).toBe("v10");
  await load.stop();
  expect(load.failures).toEqual([]);
  expect(load.count).toBeGreaterThan(500);
  expect(load.bodies.size).toBe(11);
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
