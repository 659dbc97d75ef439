import { expect, test } from "vitest";
import type { RoutePolicy } from "../../../server/router/policy/route-policy.ts";
import { answerMixed, MixedTraffic } from "../../support/mixed-traffic.ts";
import { routeTo, sendRaw, startDataPath, startInstance } from "./harness.ts";

const requests = Number(process.env["ALIASING_REQUESTS"] ?? 3_000);

test.each<[string, RoutePolicy | undefined]>([
  ["forwarded as they are", undefined],
  [
    "edited, and answers through a stream of a policy",
    { cache: { maxEntryBytes: 1_000_000 }, requestHeaders: { set: { "X-Env": "live" } } },
  ],
])("every request gets its own answer, and every instance the request's own bytes: %s", async (_name, policy) => {
  await using one = await startInstance(answerMixed);
  await using two = await startInstance(answerMixed);
  await using router = await startDataPath([routeTo([one.target, two.target], { policy })]);
  const traffic = new MixedTraffic({ port: router.port, host: "shop.test", seed: 4_711, connections: 24 });
  await traffic.run(requests);
  expect(traffic.wrong).toEqual([]);
  expect(traffic.answered).toBeGreaterThan(requests * 0.8);
  expect(traffic.aborted).toBeGreaterThan(requests / 100);
});

test("a head with much behind it, which waited for the answer before it, is the client's own", async () => {
  const seen: string[] = [];
  await using app = await startInstance((req, res) => {
    seen.push(`${req.method} ${req.url}`);
    req.resume().once("end", () => setTimeout(() => res.end("ok"), 50));
  });
  await using router = await startDataPath([routeTo([app.target])]);
  const body = "x".repeat(300_000);
  const post = `POST /second HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const text = await sendRaw(router.port, `GET /first HTTP/1.1\r\nHost: shop.test\r\n\r\n${post}`, 5_000);
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200"]);
  expect(seen).toEqual(["GET /first", "POST /second"]);
});
