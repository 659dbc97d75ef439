import { createHash } from "node:crypto";
import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { waitFor } from "../../../server/core/time.ts";
import { childrenOf, killBusiestWorker } from "../../support/router-workers.ts";
import { startRouterProcess } from "../../support/router-process.ts";
import { type Kind, Storm } from "../../support/storm.ts";
import { ask, routeTo, startInstance } from "./harness.ts";

const soon = (ms = 20_000) => ({ every: 20, signal: AbortSignal.timeout(ms) });

/** Its text for a GET, the SHA-256 of what is posted. */
const hashing: RequestListener = (req, res) => {
  const hash = createHash("sha256");
  req.on("data", (chunk: Buffer) => hash.update(chunk));
  req.once("end", () => res.end(req.method === "POST" ? hash.digest("hex") : "ok"));
};

describe.each([
  ["each on a socket of its own", true],
  ["on one socket, where the kernel cannot pass on what waits", false],
])("two workers, %s", (_name, sharesPort) => {
  test("one that is killed breaks what it held and nothing else, and is replaced", async () => {
    await using app = await startInstance(hashing);
    await using router = await startRouterProcess([routeTo([app.target])], { workers: 2, sharesPort });
    const { httpPort, pid } = router.client;
    const kinds: readonly Kind[] = ["kept", "new", "upload"];
    await using storm = new Storm({ host: "shop.test", httpPort: () => httpPort, httpsPort: () => 0 }, kinds);
    const hasGoneOn = async (by: number) => {
      const from = { ...storm.counts };
      await waitFor(() => kinds.every((kind) => storm.counts[kind] >= from[kind] + by), soon());
    };
    await hasGoneOn(10);
    expect(storm.breaks).toEqual([]);
    const held = await killBusiestWorker(pid, [httpPort]);
    await waitFor(() => childrenOf(pid).length === 2, soon());
    await hasGoneOn(10);
    await storm.stop();
    expect(storm.failures).toEqual([]);
    expect(storm.breaks.filter((one) => !held.has(one.localPort))).toEqual([]);
    expect(storm.breaks.length).toBeGreaterThan(0);
    expect(storm.breaks.length).toBeLessThanOrEqual(held.size);
  });
});

test("routes that come, change and go are known to all workers, also to one that is new", async () => {
  await using one = await startInstance((_req, res) => void res.end("one"));
  await using other = await startInstance((_req, res) => void res.end("other"));
  await using router = await startRouterProcess([routeTo([one.target])], { workers: 2 });
  const { client } = router;
  const answers = async (host: string) => {
    const all = await Promise.all(Array.from({ length: 24 }, () => ask(client.httpPort, { host })));
    return [...new Set(all.map(({ status, body }) => (status === 200 ? body : String(status))))];
  };
  const apply = (...routes: Parameters<typeof client.apply>[0][number][]) =>
    client.apply(routes, AbortSignal.timeout(10_000));
  await apply(routeTo([one.target]), routeTo([other.target], { host: "new.test" }));
  expect([await answers("shop.test"), await answers("new.test")]).toEqual([["one"], ["other"]]);
  await apply(routeTo([other.target]), routeTo([other.target], { host: "new.test" }));
  expect([await answers("shop.test"), await answers("new.test")]).toEqual([["other"], ["other"]]);
  await killBusiestWorker(client.pid, [client.httpPort]);
  await waitFor(() => childrenOf(client.pid).length === 2, soon());
  await apply(routeTo([one.target]));
  await waitFor(async () => (await client.status(AbortSignal.timeout(5_000))).workers === 2, soon());
  expect([await answers("shop.test"), await answers("new.test")]).toEqual([["one"], ["404"]]);
});

test("a router with one worker is followed by one whose workers share a socket", async () => {
  await using app = await startInstance(hashing);
  await using first = await startRouterProcess([routeTo([app.target])]);
  await using second = await startRouterProcess([routeTo([app.target])], {
    workers: 2,
    sharesPort: false,
    before: first,
  });
  expect(second.client.httpPort).toBe(first.client.httpPort);
  expect((await ask(second.client.httpPort)).body).toBe("ok");
});

describe("policies of two workers", () => {
  test("never give an instance more requests at a time than its limit", async () => {
    let [now, most] = [0, 0];
    await using app = await startInstance((_req, res) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now -= 1;
        res.end("ok");
      }, 20);
    });
    const policy = { concurrency: { perInstance: 4, queue: 100, queueTimeoutMs: 20_000 } };
    await using router = await startRouterProcess([routeTo([app.target], { policy })], { workers: 2 });
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(router.client.httpPort)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(most).toBeLessThanOrEqual(4);
  });

  test("count a rate together, and cache for themselves", async () => {
    let reached = 0;
    await using app = await startInstance((_req, res) => {
      reached += 1;
      res.setHeader("Cache-Control", "max-age=60");
      res.end("ok");
    });
    const limited = routeTo([app.target], { policy: { rateLimit: { requests: 10, perMs: 3_600_000, by: "route" } } });
    const cached = routeTo([app.target], { host: "cached.test", policy: { cache: { maxEntryBytes: 1_000 } } });
    await using router = await startRouterProcess([limited, cached], { workers: 2 });
    const { httpPort } = router.client;
    const statuses: number[] = [];
    for (let i = 0; i < 60; i++) statuses.push((await ask(httpPort)).status);
    const passed = statuses.filter((status) => status === 200).length;
    expect(passed).toBeGreaterThanOrEqual(10);
    // Each of them alone would let through ten.
    expect(passed).toBeLessThanOrEqual(15);
    expect(statuses.slice(-10)).toEqual(Array.from({ length: 10 }, () => 429));
    reached = 0;
    for (let i = 0; i < 40; i++) expect((await ask(httpPort, { host: "cached.test" })).body).toBe("ok");
    expect(reached).toBeLessThanOrEqual(2);
    expect(await router.client.purge({ host: "cached.test", path: "/" }, AbortSignal.timeout(10_000))).toBe(reached);
  });
});
