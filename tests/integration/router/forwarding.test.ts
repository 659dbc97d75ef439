import { createHash, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { Readable, type Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { ask, eventually, routeTo, sendRaw, startDataPath, startInstance, startRawInstance } from "./harness.ts";

describe("routing", () => {
  test("the longest path prefix wins, and the path is passed on whole", async () => {
    await using root = await startInstance((req, res) => void res.end(`root ${req.url}`));
    await using api = await startInstance((req, res) => void res.end(`api ${req.url}`));
    const routes = [routeTo([root.target]), routeTo([api.target], { path: "/v2" })];
    await using router = await startDataPath(routes);
    expect((await ask(router.port, { path: "/v2/x?q=1" })).body).toBe("api /v2/x?q=1");
    expect((await ask(router.port, { path: "/v22" })).body).toBe("root /v22");
  });

  test("instances take turns", async () => {
    await using one = await startInstance((_req, res) => void res.end("1"));
    await using two = await startInstance((_req, res) => void res.end("2"));
    await using router = await startDataPath([routeTo([one.target, two.target])]);
    const bodies = [];
    for (let i = 0; i < 6; i++) bodies.push((await ask(router.port)).body);
    expect(bodies.toSorted()).toEqual(["1", "1", "1", "2", "2", "2"]);
  });

  test("a route without an app may lead to an instance, and leaves no line in any log", async () => {
    await using one = await startInstance((_req, res) => void res.end("console"));
    await using router = await startDataPath([routeTo([one.target], { app: undefined })]);
    expect((await ask(router.port)).body).toBe("console");
    expect(router.records).toEqual([]);
  });
});

describe("fields", () => {
  test("an instance learns who asked, and how; the client gets the same request id", async () => {
    await using app = await startInstance((req, res) => void res.end(JSON.stringify(req.headers)));
    await using router = await startDataPath([routeTo([app.target])]);
    const before = Date.now();
    const answer = await ask(router.port, { host: "Shop.test:8080", headers: { "X-Forwarded-For": "10.1.1.1" } });
    const seen = JSON.parse(answer.body) as Record<string, string>;
    expect(seen).toMatchObject({
      host: "Shop.test:8080",
      "x-forwarded-for": "10.1.1.1, 127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-port": String(router.port),
      "x-forwarded-host": "Shop.test:8080",
      via: "1.1 paas",
    });
    expect(Number(seen["x-request-start"])).toBeGreaterThanOrEqual(before);
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.via).toBe("1.1 paas");
    expect(seen["x-request-id"]).toBe(answer.headers["x-request-id"]);
    expect(router.records[0]?.text).toContain(`request_id=${seen["x-request-id"]} fwd="10.1.1.1, 127.0.0.1"`);
  });

  test("an answer says which version of HTTP it came with, also when a policy has changed it", async () => {
    await using app = await startRawInstance((socket) => {
      socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold"));
    });
    const policy = { responseHeaders: { set: { "X-Env": "live" } } };
    await using router = await startDataPath([
      routeTo([app.target]),
      routeTo([app.target], { host: "set.test", policy }),
    ]);
    expect(await ask(router.port)).toMatchObject({ body: "old", headers: { via: "1.0 paas" } });
    const changed = await ask(router.port, { host: "set.test" });
    expect(changed).toMatchObject({ body: "old", headers: { via: "1.0 paas", "x-env": "live" } });
  });

  test("what Connection names goes no further, in either direction", async () => {
    await using app = await startInstance((req, res) => {
      res.setHeader("X-Seen", JSON.stringify(req.rawHeaders));
      res.setHeader("Connection", "X-Hop, keep-alive");
      res.setHeader("X-Hop", "1");
      res.end();
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const answer = await ask(router.port, { headers: { Connection: "close, X-Mine", "X-Mine": "1", TE: "gzip" } });
    expect(answer.headers["x-seen"]).not.toMatch(/X-Mine|"TE"|"close"/);
    expect(answer.headers["x-hop"]).toBeUndefined();
  });

  test("repeated and odd fields arrive as they were sent", async () => {
    await using app = await startInstance((_req, res) => {
      res.writeHead(200, "Fine By Me", ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Empty", "", "x-CASE", "é"]);
      res.end();
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const text = await sendRaw(router.port, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    expect(text).toMatch(/^HTTP\/1\.1 200 Fine By Me\r\n/);
    expect(text).toContain("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Empty: \r\nx-CASE: \u00e9\r\n");
  });
});

describe("connections", () => {
  test("one connection to an instance serves many requests", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using router = await startDataPath([routeTo([app.target])]);
    for (let i = 0; i < 20; i++) expect((await ask(router.port)).status).toBe(200);
    expect(app.connections()).toBe(1);
  });

  test("a client's connection is kept, and pipelined requests are answered in order", async () => {
    const seen: (string | undefined)[] = [];
    await using app = await startInstance((req, res) => {
      seen.push(req.url);
      setTimeout(() => res.end(`answer ${req.url}`), req.url === "/1" ? 50 : 0);
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`;
    const text = await sendRaw(router.port, get("/1") + get("/2") + get("/3"));
    expect(text.match(/answer \/\d/g)).toEqual(["answer /1", "answer /2", "answer /3"]);
    expect(seen).toEqual(["/1", "/2", "/3"]);
  });

  test("an HTTP/1.0 client gets a body that ends with the connection", async () => {
    await using app = await startInstance((_req, res) => {
      res.write("one ");
      res.end("two");
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const text = await sendRaw(router.port, "GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n");
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text.endsWith("\r\n\r\none two")).toBe(true);
  });

  test("idle connections to an instance that left the table are closed at once", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using router = await startDataPath([routeTo([app.target])]);
    await ask(router.port);
    const closed = new Promise((resolve) => app.server.close(resolve));
    router.apply([]);
    await expect(closed).resolves.toBeUndefined();
  });
});

describe("bodies", () => {
  const body = randomBytes(300_000);
  const echo = (req: NodeJS.ReadableStream, res: NodeJS.WritableStream) => void req.pipe(res);

  test("with a length", async () => {
    await using app = await startInstance((req, res) => {
      res.setHeader("X-Length", req.headers["content-length"] ?? "none");
      echo(req, res);
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const answer = await ask(router.port, { method: "POST", body, headers: { "Content-Length": String(body.length) } });
    expect(answer.headers["x-length"]).toBe(String(body.length));
    expect(answer.body).toBe(body.toString("latin1"));
  });

  test("in chunks", async () => {
    await using app = await startInstance((req, res) => {
      res.setHeader("X-Coding", req.headers["transfer-encoding"] ?? "none");
      echo(req, res);
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const answer = await ask(router.port, {
      method: "PUT",
      body: Readable.from([body.subarray(0, 7), body.subarray(7)]),
    });
    expect(answer.headers["x-coding"]).toBe("chunked");
    expect(answer.body).toBe(body.toString("latin1"));
  });

  test("a GET may have one", async () => {
    await using app = await startInstance(echo);
    await using router = await startDataPath([routeTo([app.target])]);
    expect((await ask(router.port, { body: "asked", headers: { "Content-Length": "5" } })).body).toBe("asked");
  });

  test("an event goes out as soon as it is written, and the head before the first one", async () => {
    let write = (_text: string): void => {};
    await using app = await startInstance((_req, res) => {
      res.writeHead(200, { "Content-Type": "text/event-stream" });
      res.flushHeaders();
      write = (text) => void res.write(text);
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const socket = connect(router.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString()));
    socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    await eventually(() => received.includes("text/event-stream"));
    write("data: 1\n\n");
    await eventually(() => received.includes("data: 1"));
    socket.destroy();
  });

  test("HEAD tells the length and sends nothing", async () => {
    await using app = await startInstance((_req, res) => {
      res.setHeader("Content-Length", "12345");
      res.end();
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const text = await sendRaw(router.port, "HEAD / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    expect(text).toMatch(/Content-Length: 12345\r\n/);
    expect(text.endsWith("\r\n\r\n")).toBe(true);
  });

  test.each([204, 304])("%i has no body and the connection goes on", async (status) => {
    await using app = await startInstance((_req, res) => void res.writeHead(status).end());
    await using router = await startDataPath([routeTo([app.target])]);
    const get = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    const text = await sendRaw(router.port, get + get);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, `HTTP/1.1 ${status}`]);
    expect(text).not.toMatch(/transfer-encoding/i);
  });

  test("a body that ends with the instance's connection is whole", async () => {
    await using app = await startRawInstance((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\nold style"));
    });
    await using router = await startDataPath([routeTo([app.target])]);
    expect((await ask(router.port)).body).toBe("old style");
  });

  test("trailers pass in both directions", async () => {
    await using app = await startInstance((req, res) => {
      req.resume();
      req.on("end", () => {
        res.writeHead(200, { Trailer: "X-Sum" });
        res.write("body");
        res.addTrailers({ "X-Sum": `got ${req.trailers["x-check"]}` });
        res.end();
      });
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const headers = { host: "shop.test", Trailer: "X-Check", "Transfer-Encoding": "chunked" };
    const answer = await new Promise<{ trailers: NodeJS.Dict<string>; body: string }>((resolve, reject) => {
      const req = request({ host: "127.0.0.1", port: router.port, method: "POST", headers, agent: false }, (res) => {
        void buffer(res).then((data) => resolve({ trailers: res.trailers, body: data.toString() }), reject);
      });
      req.on("error", reject);
      req.write("data");
      req.addTrailers({ "X-Check": "42" });
      req.end();
    });
    expect(answer).toEqual({ body: "body", trailers: { "x-sum": "got 42" } });
  });
});

describe("interim and early answers", () => {
  const upload = (length: number) =>
    `POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;

  test("the instance's 100 Continue reaches the client, which then sends", async () => {
    await using app = await startInstance((req, res) => void req.pipe(res));
    await using router = await startDataPath([routeTo([app.target])]);
    const socket = connect(router.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString()));
    socket.write(upload(5));
    await eventually(() => received === "HTTP/1.1 100 Continue\r\n\r\n");
    socket.write("hello");
    await eventually(() => received.includes("hello"));
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 100", "HTTP/1.1 200"]);
    socket.destroy();
  });

  test("an instance may refuse before the body is sent, and the connection ends", async () => {
    await using app = await startInstance(
      () => {},
      (server) => server.on("checkContinue", (_req, res) => void res.writeHead(413).end("too much")),
    );
    await using router = await startDataPath([routeTo([app.target])]);
    const text = await sendRaw(router.port, upload(5_000_000));
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toMatch(/Connection: close\r\n/);
  });

  test("when the instance does not know 100 Continue the router says it", async () => {
    await using app = await startRawInstance((socket) => {
      let seen = "";
      socket.on("data", (chunk) => {
        seen += chunk.toString();
        if (seen.endsWith("hello")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
    });
    await using router = await startDataPath([routeTo([app.target])], { continueAfterMs: 50 });
    const socket = connect(router.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString()));
    socket.write(upload(5));
    await eventually(() => received.includes("100 Continue"));
    socket.write("hello");
    await eventually(() => received.endsWith("ok"));
    socket.destroy();
  });

  test("another expectation is refused with 417", async () => {
    await using app = await startInstance((_req, res) => void res.end());
    await using router = await startDataPath([routeTo([app.target])]);
    expect((await ask(router.port, { headers: { Expect: "a-pony" } })).status).toBe(417);
  });

  test("103 Early Hints reach the client before the answer", async () => {
    await using app = await startInstance((_req, res) => {
      res.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
      setTimeout(() => res.end("page"), 20);
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const text = await sendRaw(router.port, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    expect(text).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/style\.css>; rel=preload; as=style\r\n\r\nHTTP\/1\.1 200/i,
    );
  });

  test("an answer before the end of an upload arrives, and the connection serves the next request", async () => {
    await using app = await startInstance((req, res) => {
      if (req.method === "POST") res.writeHead(413, { "Content-Length": "8" }).end("too much");
      else res.end("next");
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = (method: string, body?: Buffer) =>
      new Promise<string>((resolve, reject) => {
        const options = { host: "127.0.0.1", port: router.port, method, headers: { host: "shop.test" }, agent };
        const req = request(options, (res) => void buffer(res).then((data) => resolve(data.toString()), reject));
        req.on("error", reject);
        req.end(body);
      });
    expect(await send("POST", randomBytes(3_000_000))).toBe("too much");
    expect(await send("GET")).toBe("next");
    agent.destroy();
  });
});

test("100 MB pass in both directions unchanged", async () => {
  const size = 100 * 1024 * 1024;
  const block = randomBytes(1024 * 1024);
  const blocks = () =>
    Readable.from(
      Array.from({ length: size / block.length }, () => block),
      { objectMode: true },
    );
  const expected = createHash("sha256");
  for (let sent = 0; sent < size; sent += block.length) expected.update(block);
  await using app = await startInstance((req, res) => {
    if (req.method === "GET") {
      blocks().pipe(res);
      return;
    }
    const hash = createHash("sha256");
    req.on("data", (chunk: Buffer) => hash.update(chunk)).on("end", () => res.end(hash.digest("hex")));
  });
  await using router = await startDataPath([routeTo([app.target])]);
  const digest = expected.digest("hex");
  expect((await ask(router.port, { method: "POST", body: blocks() })).body).toBe(digest);
  const received = createHash("sha256");
  await new Promise<void>((resolve, reject) => {
    request({ host: "127.0.0.1", port: router.port, headers: { host: "shop.test" }, agent: false }, (res) => {
      res.on("data", (chunk: Buffer) => received.update(chunk));
      res.on("end", resolve).on("error", reject);
    })
      .on("error", reject)
      .end();
  });
  expect(received.digest("hex")).toBe(digest);
});

describe("back pressure", () => {
  const block = Buffer.alloc(65_536);
  const most = 24 * 1024 * 1024;

  /** Writes until nothing more is taken for a while; answers how much was. */
  async function fill(to: Writable): Promise<number> {
    let taken = 0;
    const isFull = () =>
      new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(true), 300);
        to.once("drain", () => {
          clearTimeout(timer);
          resolve(false);
        });
      });
    while (taken < 4 * most) {
      taken += block.length;
      if (!to.write(block) && (await isFull())) return taken;
    }
    return taken;
  }

  test("a client that does not read stops the instance", async () => {
    const filled = Promise.withResolvers<number>();
    await using app = await startInstance((_req, res) => void fill(res).then(filled.resolve));
    await using router = await startDataPath([routeTo([app.target])]);
    const socket = connect(router.port, "127.0.0.1");
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    expect(await filled.promise).toBeLessThan(most);
    socket.destroy();
  });

  test("an instance that does not read stops the client", async () => {
    await using app = await startInstance((req) => void req.pause());
    await using router = await startDataPath([routeTo([app.target])]);
    const headers = { host: "shop.test" };
    const req = request({ host: "127.0.0.1", port: router.port, method: "POST", headers, agent: false });
    req.on("error", () => {});
    expect(await fill(req)).toBeLessThan(most);
    req.destroy();
  });
});
