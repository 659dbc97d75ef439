import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ask,
  type Instance,
  routeTo,
  sendRaw,
  startDataPath,
  startInstance,
  startRawInstance,
  type TestRouter,
} from "./harness.ts";

// Rules of Cloud Foundry's and Heroku's routers that no other test of this folder is about.

let instance: Instance;
let router: TestRouter;

beforeAll(async () => {
  instance = await startInstance((req, res) => res.end(JSON.stringify({ url: req.url, headers: req.headers })));
  router = await startDataPath([
    routeTo([instance.target]),
    routeTo([], { host: "down.test", state: "crashed" }),
    routeTo([instance.target], { host: "shop.test", path: "/foo" }),
  ]);
});
afterAll(async () => {
  await router[Symbol.asyncDispose]();
  await instance[Symbol.asyncDispose]();
});
const send = (bytes: string) => sendRaw(router.port, bytes, 5_000);

test("an unknown host is 404, told as such, kept by nobody, and not echoed", async () => {
  const answer = await ask(router.port, { host: "nobody.test", path: "/<script>" });
  expect([answer.status, answer.headers["x-paas-error"]]).toEqual([404, "unknown_route"]);
  expect([answer.headers["cache-control"], answer.headers["x-content-type-options"]]).toEqual(["no-store", "nosniff"]);
  expect(answer.body).not.toContain("script");
});

test("a known route without an instance is 503, never 404, whatever the path", async () => {
  for (const path of ["/", "/deep/er", "/?q"]) {
    expect((await ask(router.port, { host: "down.test", path })).status).toBe(503);
  }
});

test("errors are JSON for who asks for JSON, else a page", async () => {
  const json = await ask(router.port, { host: "down.test", headers: { accept: "application/problem+json" } });
  expect(json.headers["content-type"]).toBe("application/json");
  expect(JSON.parse(json.body)).toMatchObject({ error: { code: "H10", status: 503 } });
  const page = await ask(router.port, { host: "down.test", headers: { accept: "text/html,application/json" } });
  expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
});

test("the host is found in any case and with a port; the path of a route is not taken away, and matches whole segments", async () => {
  const raw = await send("GET /foo/x?q HTTP/1.1\r\nHost: SHOP.Test:8080\r\nConnection: close\r\n\r\n");
  expect(raw).toContain('"url":"/foo/x?q"');
  expect((await ask(router.port, { path: "/foobar" })).status).toBe(200);
});

test.each([
  ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["a method of nobody", "CONNECT shop.test:80 HTTP/1.1\r\nHost: shop.test\r\n\r\n", 405],
  [
    "an expectation that nobody knows",
    "GET / HTTP/1.1\r\nHost: shop.test\r\nExpect: tea\r\nConnection: close\r\n\r\n",
    417,
  ],
  ["two lengths", "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
  [
    "both framings",
    "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    400,
  ],
])("a request with %s is refused", async (_what, bytes, status) => {
  expect(await send(bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
});

test("a method of 127 letters is passed on, a longer one refused", async () => {
  const line = (method: string) => `${method} / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n`;
  await using any = await startRawInstance((socket) => {
    socket.once("data", (chunk) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${chunk.toString().split(" ")[0]?.length}`));
  });
  await using other = await startDataPath([routeTo([any.target])]);
  expect(await sendRaw(other.port, line("M".repeat(127)), 5_000)).toContain("127");
  expect(await sendRaw(other.port, line("M".repeat(128)), 5_000)).toMatch(/^HTTP\/1\.1 400 /);
});

test.each([
  ["abcdefghij0123456789", true],
  ["short", false],
  ["x".repeat(201), false],
  ["with spaces and more characters", false],
])("a request id %j is kept only in Heroku's form, and stands in the log", async (id, isKept) => {
  const answer = await ask(router.port, { headers: { "x-request-id": id } });
  const { headers } = JSON.parse(answer.body) as { headers: Record<string, string> };
  expect(headers["x-request-id"] === id).toBe(isKept);
  expect(answer.headers["x-request-id"]).toBe(headers["x-request-id"]);
  expect(router.records.at(-1)?.text).toContain(`request_id=${headers["x-request-id"]} `);
});

test("a target and the fields of tracing arrive as they were sent", async () => {
  const tracing = {
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tracestate: "vendor=1",
    baggage: "a=b",
    b3: "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
    "x-b3-traceid": "80f198ee56343ba864fe8b2a57d3eff7",
  };
  const answer = await ask(router.port, { path: "/%7Ea//b/./c?a=1;b=2&c=%20", headers: tracing });
  const { url, headers } = JSON.parse(answer.body) as { url: string; headers: Record<string, string> };
  expect(url).toBe("/%7Ea//b/./c?a=1;b=2&c=%20");
  expect(headers).toMatchObject(tracing);
  expect((JSON.parse((await ask(router.port)).body) as { headers: object }).headers).not.toHaveProperty("traceparent");
});

test("the path of a route is matched in the case that it is written in", async () => {
  await using other = await startInstance((_req, res) => res.end("other"));
  await using cased = await startDataPath([routeTo([instance.target]), routeTo([other.target], { path: "/Foo" })]);
  expect((await ask(cased.port, { path: "/Foo/x" })).body).toBe("other");
  expect((await ask(cased.port, { path: "/foo/x" })).body).toContain('"url":"/foo/x"');
});

test("an instance that says too much before its body is 502 H25", async () => {
  await using loud = await startRawInstance((socket) => {
    socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(300_000)}\r\n\r\n`));
  });
  await using other = await startDataPath([routeTo([loud.target])]);
  const answer = await ask(other.port);
  expect([answer.status, answer.headers["x-paas-error"]]).toEqual([502, "H25"]);
  expect(other.records.at(-1)?.text).toMatch(/at=error code=H25 .*status=502/);
});

test("the line in the log has Heroku's fields", async () => {
  await ask(router.port, { path: "/p", headers: { "x-forwarded-for": "198.51.100.1" } });
  expect(router.records.at(-1)?.text).toMatch(
    /^at=info method=GET path="\/p" host=shop\.test request_id=\S+ fwd="198\.51\.100\.1, 127\.0\.0\.1" dyno=web\.\d+ connect=\d+ms service=\d+ms status=200 bytes=\d+ protocol=http$/,
  );
  await ask(router.port, { host: "down.test" });
  expect(router.records.at(-1)?.text).toMatch(
    /^at=error code=H10 desc="App crashed" .* dyno= connect= service= status=503 bytes= /,
  );
});
