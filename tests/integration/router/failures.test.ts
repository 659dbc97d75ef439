import { Agent } from "node:http";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import type { TableRoute } from "../../../server/router/protocol.ts";
import {
  ask,
  deadTarget,
  eventually,
  routeTo,
  sendRaw,
  startDataPath,
  startInstance,
  startRawInstance,
} from "./harness.ts";

const get = "GET /p?q HTTP/1.1\r\nHost: shop.test\r\n\r\n";

describe("nobody to answer", () => {
  test("an unknown host is 404, never another app, and no app's log hears of it", async () => {
    await using app = await startInstance((_req, res) => void res.end("mine"));
    await using router = await startDataPath([routeTo([app.target])]);
    const answer = await ask(router.port, { host: "nobody.test" });
    expect(answer).toMatchObject({
      status: 404,
      headers: { "x-paas-error": "unknown_route", "cache-control": "no-store" },
    });
    expect(answer.body).not.toContain("mine");
    expect(router.records).toEqual([]);
  });

  test.each<[Partial<TableRoute>, string, string]>([
    [{ state: "blank" }, "H81", "at=info code=H81"],
    [{ state: "stopped" }, "H14", "at=error code=H14"],
    [{ state: "crashed" }, "H10", "at=error code=H10"],
    [{ state: "running" }, "H14", "at=error code=H14"],
  ])("an app that is %j without instances is 503 %s", async (change, code, line) => {
    await using router = await startDataPath([routeTo([], change)]);
    const answer = await ask(router.port, { headers: { Accept: "application/json" } });
    expect(answer).toMatchObject({
      status: 503,
      headers: { "x-paas-error": code, "content-type": "application/json" },
    });
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code, status: 503 } });
    expect(router.records[0]).toMatchObject({ app: "shop", text: expect.stringContaining(line) as string });
    expect(router.records[0]?.text).toMatch(/ dyno= connect= service= status=503 bytes= protocol=http$/);
  });

  test("a route that no app is mapped to is 503, not 404", async () => {
    await using router = await startDataPath([routeTo([], { app: undefined, state: "blank" })]);
    expect(await ask(router.port)).toMatchObject({ status: 503, headers: { "x-paas-error": "no_app" } });
  });
});

describe("an instance that does not take the connection", () => {
  test("another one does, also for a POST", async () => {
    await using app = await startInstance((req, res) => void req.pipe(res));
    const dead = await deadTarget();
    await using router = await startDataPath([routeTo([dead, app.target])]);
    for (let i = 0; i < 4; i++) {
      expect(await ask(router.port, { method: "POST", body: "hello" })).toMatchObject({ status: 200, body: "hello" });
    }
    expect(router.records.map((one) => one.text.slice(0, 7))).toEqual(["at=info", "at=info", "at=info", "at=info"]);
  });

  test("when all refuse it is H21", async () => {
    const targets = [await deadTarget(), await deadTarget()];
    await using router = await startDataPath([routeTo(targets)]);
    expect(await ask(router.port)).toMatchObject({ status: 503, headers: { "x-paas-error": "H21" } });
    expect(router.records[0]?.text).toContain('code=H21 desc="Backend connection refused"');
  });

  test("when none takes it in time it is H19", async () => {
    // TEST-NET-1: packets to it go nowhere.
    const target = { id: "nowhere", name: "web.1", host: "192.0.2.1", port: 80 };
    await using router = await startDataPath([routeTo([target])], { connectTimeoutMs: 100 });
    const answer = await ask(router.port);
    expect(answer.status).toBe(503);
    expect(["H19", "H21"]).toContain(answer.headers["x-paas-error"]);
  });
});

describe("an instance that answers badly", () => {
  test("not at all within the time: H12", async () => {
    await using app = await startInstance(() => {});
    await using router = await startDataPath([routeTo([app.target])], { firstByteTimeoutMs: 80 });
    expect(await ask(router.port)).toMatchObject({ status: 503, headers: { "x-paas-error": "H12" } });
    expect(router.records[0]?.text).toMatch(
      /code=H12 desc="Request timeout" .* dyno=web\.\d+ connect=\d+ms service=\d+ms status=503/,
    );
  });

  test("each request of a connection has its time for itself, and its own line", async () => {
    await using app = await startInstance((req, res) => {
      if (req.url !== "/silent") setTimeout(() => res.end(req.url), req.url === "/slow" ? 150 : 0);
    });
    await using router = await startDataPath([routeTo([app.target])], { firstByteTimeoutMs: 300 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const askAgain = (path: string) => ask(router.port, { path, agent });
    for (const path of ["/slow", "/fast", "/slow", "/slow", "/fast"]) {
      expect(await askAgain(path)).toMatchObject({ status: 200, body: path });
    }
    const began = performance.now();
    expect(await askAgain("/silent")).toMatchObject({ status: 503, headers: { "x-paas-error": "H12" } });
    expect(performance.now() - began).toBeGreaterThan(290);
    expect(router.records.map((one) => /code=\S+|path="[^"]*"/g.exec(one.text)?.[0])).toEqual([
      'path="/slow"',
      'path="/fast"',
      'path="/slow"',
      'path="/slow"',
      'path="/fast"',
      "code=H12",
    ]);
    agent.destroy();
  });

  test("the time for the first byte starts when the upload has ended", async () => {
    await using app = await startInstance((req, res) => void req.resume().on("end", () => res.end("done")));
    await using router = await startDataPath([routeTo([app.target])], { firstByteTimeoutMs: 100 });
    const socket = connect(router.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString()));
    socket.write("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\n");
    for (const char of "hello") {
      await new Promise((resolve) => setTimeout(resolve, 50));
      socket.write(char);
    }
    await eventually(() => received.includes("done"));
    expect(received).toMatch(/^HTTP\/1\.1 200/);
    socket.destroy();
  });

  test("closed without a byte: H13, and a request that may have been executed is not sent again", async () => {
    let requests = 0;
    await using app = await startRawInstance((socket) => {
      socket.once("data", () => {
        requests += 1;
        socket.destroy();
      });
    });
    await using router = await startDataPath([routeTo([app.target])]);
    expect(await ask(router.port)).toMatchObject({ status: 503, headers: { "x-paas-error": "H13" } });
    expect(await ask(router.port, { method: "POST", body: "x" })).toMatchObject({ headers: { "x-paas-error": "H13" } });
    expect(requests).toBe(2);
  });

  test("no HTTP: H17", async () => {
    await using app = await startRawInstance((socket) => socket.once("data", () => socket.end("hello\r\n\r\n")));
    await using router = await startDataPath([routeTo([app.target])]);
    expect(await ask(router.port)).toMatchObject({ status: 503, headers: { "x-paas-error": "H17" } });
  });

  test.each([
    "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
  ])("an answer of unclear length is not passed on: %j", async (rest) => {
    await using app = await startRawInstance((socket) =>
      socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\n${rest}`)),
    );
    await using router = await startDataPath([routeTo([app.target])]);
    expect(await ask(router.port)).toMatchObject({ status: 503, headers: { "x-paas-error": "H17" } });
  });

  test.each([
    ["with a length", "Content-Length: 100\r\n\r\nhalf"],
    ["in chunks", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
  ])("a body %s that is cut is cut for the client too: H18", async (_name, rest) => {
    await using app = await startRawInstance((socket) => {
      socket.once("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\n${rest}`);
        setTimeout(() => socket.destroy(), 30);
      });
    });
    await using router = await startDataPath([routeTo([app.target])]);
    await expect(ask(router.port)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    await eventually(() => router.records.length === 1);
    expect(router.records[0]?.text).toContain('code=H18 desc="Server Request Interrupted" sock=backend');
    expect((await sendRaw(router.port, get)).endsWith("0\r\n\r\n")).toBe(false);
  });

  test("silent in the middle of a body: H15, and the client sees a cut", async () => {
    await using app = await startInstance((_req, res) => void res.write("half"));
    await using router = await startDataPath([routeTo([app.target])], { idleTimeoutMs: 80 });
    await expect(ask(router.port)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    await eventually(() => router.records.length === 1);
    expect(router.records[0]?.text).toContain('code=H15 desc="Idle connection"');
  });
});

describe("a client that goes away", () => {
  test("ends its request at the instance: H27", async () => {
    let isAborted = false;
    await using app = await startInstance((req) => void req.socket.once("close", () => (isAborted = true)));
    await using router = await startDataPath([routeTo([app.target])]);
    const socket = connect(router.port, "127.0.0.1");
    socket.write(get);
    await eventually(() => app.connections() === 1);
    socket.destroy();
    await eventually(() => isAborted && router.records.length === 1);
    expect(router.records[0]?.text).toMatch(
      /^at=warning code=H27 desc="Client Request Interrupted" sock=client .* status=499 /,
    );
  });

  test("in the middle of an upload leaves the instance with a cut, not a whole body", async () => {
    let end = "";
    await using app = await startInstance((req) => {
      req.resume();
      req.once("end", () => (end = "whole"));
      req.once("error", () => (end = "cut"));
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const socket = connect(router.port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    await eventually(() => app.connections() === 1);
    socket.destroy();
    await eventually(() => end !== "");
    expect(end).toBe("cut");
  });

  test("silent in the middle of an upload: H28", async () => {
    await using app = await startInstance((req) => void req.resume());
    await using router = await startDataPath([routeTo([app.target])], { idleTimeoutMs: 80 });
    await sendRaw(router.port, "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 50\r\n\r\nhello", 2_000);
    await eventually(() => router.records.length === 1);
    expect(router.records[0]?.text).toContain('at=warning code=H28 desc="Client Connection Idle" sock=client');
  });

  test("that never ends its head is cut off", async () => {
    await using router = await startDataPath([routeTo([])], { headTimeoutMs: 200 });
    const before = performance.now();
    expect(await sendRaw(router.port, "GET / HTTP/1.1\r\nHost: shop.test\r\nX-Slow: ", 5_000)).toMatch(
      /^HTTP\/1\.1 408 /,
    );
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  test("that does not read the end of its answer does not hold the instance", async () => {
    const size = 8 * 1024 * 1024;
    await using app = await startInstance((_req, res) => void res.end(Buffer.alloc(size)));
    await using router = await startDataPath([routeTo([app.target])]);
    const socket = connect(router.port, "127.0.0.1");
    let received = 0;
    socket.write(get);
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.on("data", (chunk) => (received += chunk.length));
    await eventually(() => received > size);
    socket.destroy();
  });
});
