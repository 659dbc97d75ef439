import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { deadTarget, eventually, routeTo, sendRaw, startDataPath, startInstance, startRawInstance } from "./harness.ts";

const get = (path = "/") => `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`;

/** A connection, and all that came on it. */
function open(port: number): {
  readonly socket: Socket;
  readonly text: () => string;
  readonly hasEnded: () => boolean;
} {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  let hasEnded = false;
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.on("error", () => {});
  socket.once("close", () => (hasEnded = true));
  socket.once("end", () => (hasEnded = true));
  return { socket, text: () => text, hasEnded: () => hasEnded };
}

/** Interim answers are not what was asked for. */
const final = (text: string) => text.replace(/^(?:HTTP\/1\.1 1\d\d [^\r\n]*\r\n\r\n)*/, "");

test.each([0, 2_000])("a client that half-closes after its request gets its answer, %i ms later", async (delayMs) => {
  await using app = await startInstance((req, res) => {
    req.resume().once("end", () => setTimeout(() => res.end(`done ${req.method}`), delayMs));
  });
  await using router = await startDataPath([routeTo([app.target])]);
  for (const request of [get(), "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello"]) {
    const client = open(router.port);
    client.socket.end(request);
    await eventually(client.hasEnded, 10_000);
    expect(final(client.text())).toMatch(/^HTTP\/1\.1 200 [^]*done (?:GET|POST)/);
    expect(final(client.text())).toContain("Connection: close\r\n");
  }
});

test("pipelined requests before a half-close are all answered", async () => {
  await using app = await startInstance((req, res) => void res.end(`<${req.url}>`));
  await using router = await startDataPath([routeTo([app.target])]);
  const client = open(router.port);
  client.socket.end(get("/1") + get("/2") + get("/3"));
  await eventually(client.hasEnded);
  expect(client.text().match(/<\/\d>/g)).toEqual(["</1>", "</2>", "</3>"]);
});

test("a request that comes a byte at a time is one request", async () => {
  const seen: string[] = [];
  await using app = await startInstance((req, res) => {
    let body = "";
    req
      .on("data", (chunk: Buffer) => (body += chunk.toString()))
      .once("end", () => {
        seen.push(`${req.method} ${req.url} ${body} ${JSON.stringify(req.trailers)}`);
        res.end("ok");
      });
  });
  await using router = await startDataPath([routeTo([app.target])]);
  const client = open(router.port);
  client.socket.setNoDelay(true);
  const bytes = `POST /a HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n${get("/b")}`;
  for (const byte of bytes) {
    client.socket.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => (client.text().match(/HTTP\/1\.1 200/g) ?? []).length === 2);
  expect(seen).toEqual(['POST /a abcde {"x-sum":"5"}', "GET /b  {}"]);
  client.socket.destroy();
});

test("an answer that comes a byte at a time is one answer, and the connection is used again", async () => {
  let connections = 0;
  const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n";
  await using app = await startRawInstance((socket) => {
    connections += 1;
    socket.setNoDelay(true);
    socket.on("data", () => {
      void (async () => {
        for (const byte of answer) {
          socket.write(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
    });
  });
  await using router = await startDataPath([routeTo([app.target])]);
  for (let i = 0; i < 3; i++) {
    const text = await sendRaw(router.port, get().replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), 5_000);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n$/);
  }
  expect(connections).toBe(1);
});

test.each([
  [
    "bytes behind its length",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
  ],
  ["bytes behind a bodiless answer", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"],
  [
    "bytes behind its last chunk",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
  ],
])("an instance with %s: they never reach another request", async (_name, answer) => {
  let connections = 0;
  await using app = await startRawInstance((socket) => {
    connections += 1;
    socket.on("data", () => socket.write(answer));
  });
  await using router = await startDataPath([routeTo([app.target])]);
  for (let i = 1; i <= 3; i++) {
    expect(await sendRaw(router.port, get())).not.toContain("evil");
    expect(connections).toBe(i);
  }
});

test("an upgrade that nobody asked for is no answer", async () => {
  await using app = await startRawInstance((socket) => {
    socket.on("data", () =>
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
    );
  });
  await using router = await startDataPath([routeTo([app.target])]);
  expect(await sendRaw(router.port, get())).toMatch(/^HTTP\/1\.1 503 [^]*X-Paas-Error: H17/);
});

test("a connection that its instance closed for idleness costs no GET, and a POST never goes over one", async () => {
  const paths: string[] = [];
  await using app = await startRawInstance((socket) => {
    let requests = 0;
    socket.on("data", (chunk) => {
      requests += 1;
      // The second on a connection finds it closed, as if both had happened at once.
      if (requests > 1) return void socket.destroy();
      paths.push(chunk.toString("latin1").split(" ").slice(0, 2).join(" "));
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  await using router = await startDataPath([routeTo([app.target])]);
  for (const path of ["/1", "/2", "/3"]) expect(await sendRaw(router.port, get(path), 2_000)).toMatch(/ok$/);
  const post = "POST /4 HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 2\r\n\r\nhi";
  for (let i = 0; i < 3; i++) expect(await sendRaw(router.port, post, 2_000)).toMatch(/ok$/);
  expect(paths).toEqual(["GET /1", "GET /2", "GET /3", "POST /4", "POST /4", "POST /4"]);
});

test("an instance that refused is out of rotation at once, and back when a check finds it up", async () => {
  await using one = await startInstance((_req, res) => void res.end("one"));
  const target = await deadTarget();
  await using router = await startDataPath([routeTo([target, one.target])]);
  for (let i = 0; i < 4; i++) expect(await sendRaw(router.port, get())).toMatch(/one/);
  const { createServer } = await import("node:http");
  const late = createServer((_req, res) => void res.end("back")).listen(target.port, "127.0.0.1");
  let text = "";
  await eventually(() => {
    void sendRaw(router.port, get()).then((answer) => (text += answer));
    return text.includes("back");
  }, 15_000);
  late.closeAllConnections();
  await new Promise((resolve) => late.close(resolve));
});

test("a bad chunk in the middle of an upload is 400, and the instance sees a cut", async () => {
  let end = "";
  await using app = await startInstance((req) => {
    req.resume();
    req.once("end", () => (end = "whole"));
    req.once("error", () => (end = "cut"));
  });
  await using router = await startDataPath([routeTo([app.target])]);
  const client = open(router.port);
  client.socket.write("POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  await eventually(() => app.connections() === 1);
  client.socket.write("zz\r\n");
  await eventually(() => end !== "" && client.text() !== "");
  expect(end).toBe("cut");
  expect(client.text()).toMatch(/^HTTP\/1\.1 400 /);
  client.socket.destroy();
});
