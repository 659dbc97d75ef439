import { createServer as createHttp2Server } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { RoutePolicy } from "../../../server/router/policy/route-policy.ts";
import type { Target } from "../../../server/router/protocol.ts";
import { type SilentInstance, startSilentInstance } from "../../support/silent-instance.ts";
import {
  ask,
  eventually,
  freePort,
  type Instance,
  listen,
  routeTo,
  startDataPath,
  startInstance,
  type TestRouter,
} from "./harness.ts";

// Of an instance that is gone packets get no answer, and the kernel says so after seconds.

let up: Instance;
let silent: SilentInstance;
let router: TestRouter;
let gone: Target;

beforeAll(async () => {
  up = await startInstance((req, res) => {
    let bytes = 0;
    req.on("data", (chunk: Buffer) => (bytes += chunk.length));
    req.once("end", () => res.end(`${req.method} ${bytes}`));
  });
  const sockets = new WebSocketServer({ server: up.server });
  sockets.on("connection", (socket) => socket.send("hello"));
  silent = await startSilentInstance();
});
beforeEach(async () => {
  // What an earlier test has found out of an instance is not known to a router of its own.
  router = await startDataPath([]);
  gone = { id: "gone", name: "web.9", host: "127.0.0.1", port: silent.port };
  return () => router[Symbol.asyncDispose]();
});
afterAll(async () => {
  await silent[Symbol.asyncDispose]();
  await up[Symbol.asyncDispose]();
});

const timed = async <T>(what: Promise<T>): Promise<readonly [T, number]> => {
  const begun = performance.now();
  return [await what, performance.now() - begun];
};
/** Of 5 s: long after that the kernel would say it. */
const isSoon = (ms: number) => ms < 2_000;
const isConnecting = () => router.dataPath.instances.counts()["gone"] === 1;
const use = (targets: readonly Target[], policy?: RoutePolicy) => router.apply([routeTo(targets, { policy })]);

test("a request goes to another instance soon, whatever it is, and the silent one is out of rotation", async () => {
  const body = "x".repeat(300_000);
  for (const [options, answer] of [
    [{}, "GET 0"],
    [{ method: "POST", body }, "POST 300000"],
  ] as const) {
    await using fresh = await startDataPath([routeTo([gone, up.target])]);
    const [first, ms] = await timed(ask(fresh.port, options));
    expect([first.status, first.body, isSoon(ms)]).toEqual([200, answer, true]);
    expect(ms).toBeGreaterThan(300);
    const [, next] = await timed(Promise.all(Array.from({ length: 6 }, () => ask(fresh.port, options))));
    expect(next).toBeLessThan(300);
  }
});

test("so does an upgrade, and a request of a route with a policy", async () => {
  use([gone, up.target]);
  const socket = new WebSocket(`ws://127.0.0.1:${router.port}/`, { headers: { host: "shop.test" } });
  const hello = new Promise<string>((resolve) =>
    socket.once("message", (data) => resolve((data as Buffer).toString())),
  );
  const [said, ms] = await timed(hello);
  expect([said, isSoon(ms)]).toEqual(["hello", true]);
  socket.terminate();
  await using fresh = await startDataPath([
    routeTo([gone, up.target], {
      policy: { sticky: {}, concurrency: { perInstance: 1, queue: 1, queueTimeoutMs: 1_000 } },
    }),
  ]);
  const [answers, all] = await timed(Promise.all([ask(fresh.port), ask(fresh.port)]));
  expect([answers.map((answer) => answer.status), isSoon(all)]).toEqual([[200, 200], true]);
});

test("so does a request by HTTP/2", async () => {
  const server = createHttp2Server((_req, res) => res.end("h2c"));
  const target = { id: "h2c", name: "web.1", host: "127.0.0.1", port: await listen(server) };
  use([gone, target], { protocol: "h2c" });
  const [answer, ms] = await timed(ask(router.port, { method: "POST", body: "x" }));
  expect([answer.body, isSoon(ms)]).toEqual(["h2c", true]);
  use([]);
  await new Promise((resolve) => server.close(resolve));
});

test("one that leaves the table is left at once by who waits for it", async () => {
  use([gone]);
  const answer = timed(ask(router.port));
  await eventually(isConnecting);
  use([up.target]);
  const [{ status }, ms] = await answer;
  expect(status).toBe(200);
  expect(ms).toBeLessThan(300);
});

test("the only one is waited for as long as before, and a request that names it never goes elsewhere", async () => {
  use([gone], { timeouts: { connectMs: 500 } });
  const [only, ms] = await timed(ask(router.port));
  expect([only.status, only.headers["x-paas-error"]]).toEqual([503, "H19"]);
  expect(ms).toBeGreaterThan(490);
  await using fresh = await startDataPath([routeTo([gone, up.target], { policy: { timeouts: { connectMs: 500 } } })]);
  const named = await ask(fresh.port, { headers: { "x-paas-instance": "web.9" } });
  expect([named.status, named.headers["x-paas-error"]]).toEqual([503, "H19"]);
});

test("a client that leaves while its request connects takes nothing with it", async () => {
  use([gone]);
  const client = connect(router.port, "127.0.0.1", () => client.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"));
  await eventually(isConnecting);
  client.resetAndDestroy();
  await eventually(() => router.dataPath.instances.counts()["gone"] === undefined);
  expect(router.records.at(-1)?.text).toContain("code=H27");
  use([up.target]);
  expect((await ask(router.port)).status).toBe(200);
});

test("a TCP connection goes to another instance soon, and at once when the first leaves the table", async () => {
  const open = (port: number) =>
    timed(
      new Promise<string>((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        socket.once("error", reject);
        socket.once("data", (chunk) => {
          socket.destroy();
          resolve(chunk.toString().slice(0, 12));
        });
      }),
    );
  const listenPort = await freePort();
  const route = (targets: readonly Target[]) =>
    router.dataPath.apply({ version: 3, routes: [], tcp: [{ listenPort, app: "shop", targets }] });
  route([gone, up.target]);
  await router.dataPath.settled();
  const [soon, ms] = await open(listenPort);
  expect([soon, isSoon(ms)]).toEqual(["HTTP/1.1 200", true]);
  route([gone]);
  const waiting = open(listenPort);
  await eventually(isConnecting);
  route([up.target]);
  const [atOnce, short] = await waiting;
  expect([atOnce, short < 300]).toEqual(["HTTP/1.1 200", true]);
});

test("one that takes connections again is back", async () => {
  use([gone, up.target]);
  expect((await ask(router.port)).body).toBe("GET 0");
  silent.wake();
  const end = performance.now() + 10_000;
  let body = "";
  while (body !== "awake" && performance.now() < end) body = (await ask(router.port)).body;
  expect(body).toBe("awake");
});
