import { createServer } from "node:http2";
import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import type { RoutePolicy } from "../../../server/router/policy/route-policy.ts";
import { answerMixed, MixedTraffic } from "../../support/mixed-traffic.ts";
import { eventually, listen, routeTo, sendRaw, startDataPath, startInstance } from "./harness.ts";

const requests = Number(process.env["ALIASING_REQUESTS"] ?? 2_000);

async function startHttp2() {
  const server = createServer(answerMixed);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  const target = { id: "http2", name: "web.1", host: "127.0.0.1", port: await listen(server) };
  const end = () => {
    for (const session of sessions) session.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { target, [Symbol.asyncDispose]: end };
}

test.each<[string, RoutePolicy | undefined]>([
  ["forwarded as they are", undefined],
  ["edited, and answers compressed", { compress: true, requestHeaders: { set: { "X-Env": "live" } } }],
  ["by HTTP/2 to the instance", { protocol: "h2c" }],
])("every request gets its own answer, and every instance the request's own bytes: %s", async (_name, policy) => {
  await using one = policy?.protocol === "h2c" ? await startHttp2() : await startInstance(answerMixed);
  await using two = policy?.protocol === "h2c" ? await startHttp2() : await startInstance(answerMixed);
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
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`;
  const body = "x".repeat(300_000);
  const post = `POST /third HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const text = await sendRaw(router.port, get("/first") + get("/second") + post, 5_000);
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(Array.from({ length: 3 }, () => "HTTP/1.1 200"));
  expect(seen).toEqual(["GET /first", "GET /second", "POST /third"]);
});

test.each([
  // Nothing of it has to be begun: the router knows already.
  { when: "before the turn of its upload", leavesAfterMs: 0, begun: 0 },
  { when: "in the middle of an upload that had to wait its turn", leavesAfterMs: 250, begun: 1 },
])("a client that leaves $when does not hold the instance", async ({ leavesAfterMs, begun }) => {
  const posts = { begun: 0, cut: 0 };
  await using app = await startInstance((req, res) => {
    req.once("error", () => (posts.cut += 1)).resume();
    if (req.method === "POST") posts.begun += 1;
    else setTimeout(() => res.end("ok"), 100);
  });
  await using router = await startDataPath([routeTo([app.target])]);
  const post = "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\n\r\nhalf";
  const client = connect(router.port, "127.0.0.1").resume();
  client.write(`GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n${post}`);
  setTimeout(() => client.end(), leavesAfterMs);
  const open = () => new Promise<number>((resolve) => app.server.getConnections((_err, count) => resolve(count)));
  await eventually(() => app.connections() === 2 && Object.keys(router.dataPath.status().inFlight).length === 0);
  await vi.waitFor(async () => expect(await open()).toBe(1));
  expect(posts).toEqual({ begun, cut: begun });
});
