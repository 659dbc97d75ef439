import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { RoutePolicy } from "../../../server/router/policy/route-policy.ts";
import type { TableRoute } from "../../../server/router/protocol.ts";
import { ask, eventually, type Instance, routeTo, startDataPath, startInstance, type TestRouter } from "./harness.ts";

let instance: Instance;
let router: TestRouter;

beforeAll(async () => {
  instance = await startInstance((req, res) => {
    if (req.url === "/silent") return;
    if (req.url === "/endless") {
      const timer = setInterval(() => res.write("tick "), 20);
      res.once("close", () => clearInterval(timer));
      return;
    }
    req.on("data", (chunk: Buffer) => res.write(chunk));
    req.once("end", () => res.end("."));
  });
  const sockets = new WebSocketServer({ server: instance.server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  router = await startDataPath([]);
});
afterAll(async () => {
  await router[Symbol.asyncDispose]();
  await instance[Symbol.asyncDispose]();
});

const starting = (change: Partial<TableRoute> = {}) => router.apply([routeTo([], { state: "starting", ...change })]);
const up = (policy?: RoutePolicy) => router.apply([routeTo([instance.target], { policy })]);
const lastLine = () => router.records.at(-1)?.text ?? "";

test("while the first instance starts requests of every kind wait, and reach it", async () => {
  starting();
  const held = [ask(router.port), ask(router.port, { method: "POST", body: "x".repeat(200_000) })];
  const socket = new WebSocket(`ws://127.0.0.1:${router.port}/`, { headers: { host: "shop.test" } });
  await delay(100);
  // Another table in between changes nothing for them.
  starting();
  up();
  const [get, post] = await Promise.all(held);
  expect([get?.status, get?.body]).toEqual([200, "."]);
  expect([post?.status, post?.body.length]).toEqual([200, 200_001]);
  await once(socket, "open");
  socket.send("hello");
  expect(String((await once(socket, "message"))[0])).toBe("hello");
  socket.close();
});

test("what has a policy of its own waits too, and one that shares nothing with it is served meanwhile", async () => {
  const other = routeTo([instance.target], { host: "other.test" });
  router.apply([routeTo([], { state: "starting", policy: { sticky: {} } }), other]);
  const held = ask(router.port);
  expect((await ask(router.port, { host: "other.test" })).status).toBe(200);
  up({ sticky: {} });
  expect((await held).headers["set-cookie"]?.[0]).toMatch(/^paas_instance=/);
});

test("an instance that does not come in time is H20; one that crashed, and a stop, are told at once", async () => {
  starting({ policy: { timeouts: { startMs: 150 } } });
  const late = await ask(router.port);
  expect([late.status, late.headers["x-paas-error"]]).toEqual([503, "H20"]);
  expect(lastLine()).toMatch(/at=error code=H20 desc="App boot timeout" .*dyno= .*status=503/);
  for (const [state, code] of [
    ["crashed", "H10"],
    ["stopped", "H14"],
    ["blank", "H81"],
  ] as const) {
    starting();
    const held = ask(router.port);
    await delay(50);
    router.apply([routeTo([], { state })]);
    expect((await held).headers["x-paas-error"]).toBe(code);
  }
});

test.each(["GET", "POST"])(
  "between the death of the only instance and the next table no %s is refused",
  async (method) => {
    const dying = await startInstance((_req, res) => void res.end("old"));
    router.apply([routeTo([dying.target])]);
    expect((await ask(router.port, { method })).body).toBe("old");
    await dying[Symbol.asyncDispose]();
    const held = [0, 1, 2].map(() => ask(router.port, { method, ...(method === "POST" ? { body: "x" } : {}) }));
    await delay(150);
    starting();
    held.push(ask(router.port, { method }));
    await delay(150);
    up();
    for (const answer of await Promise.all(held)) expect(answer.status).toBe(200);
    router.apply([routeTo([dying.target])]);
    const refused = await ask(router.port, { method });
    expect([refused.status, refused.headers["x-paas-error"]]).toEqual([503, "H21"]);
  },
);

test("what died without another to come is told as soon as the table says so", async () => {
  const dying = await startInstance((_req, res) => void res.end("old"));
  const policy = { sticky: {} };
  router.apply([routeTo([dying.target], { policy })]);
  await dying[Symbol.asyncDispose]();
  const held = ask(router.port);
  await delay(50);
  router.apply([routeTo([], { policy, state: "crashed" })]);
  expect((await held).headers["x-paas-error"]).toBe("H10");
});

test("a request as a whole has a limit where the route says so, and a tunnel has none", async () => {
  up({ timeouts: { requestMs: 300 } });
  const silent = await ask(router.port, { path: "/silent" });
  expect([silent.status, silent.headers["x-paas-error"]]).toEqual([503, "H12"]);
  await expect(ask(router.port, { path: "/endless" })).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  await eventually(() => lastLine().includes("code=H12"));
  expect((await ask(router.port)).body).toBe(".");
  const socket = new WebSocket(`ws://127.0.0.1:${router.port}/`, { headers: { host: "shop.test" } });
  await once(socket, "open");
  await delay(500);
  socket.send("still here");
  expect(String((await once(socket, "message"))[0])).toBe("still here");
  socket.close();
});
