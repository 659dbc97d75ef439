import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { eventually, routeTo, sendRaw, startDataPath, startInstance } from "./harness.ts";

async function startEcho() {
  const instance = await startInstance((_req, res) => void res.end("plain"));
  const sockets = new WebSocketServer({ server: instance.server });
  sockets.on("connection", (socket, req) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    if (req.url === "/greet") socket.send(JSON.stringify(req.headers));
  });
  return { ...instance, sockets };
}

async function openSocket(port: number, path = "/"): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { host: "shop.test" } });
  await once(socket, "open");
  return socket;
}

test("a WebSocket carries messages of any size both ways, and its line says 101", async () => {
  await using app = await startEcho();
  await using router = await startDataPath([routeTo([app.target])]);
  const socket = await openSocket(router.port);
  for (const size of [1, 200, 70_000, 5_000_000]) {
    const message = Buffer.alloc(size, size % 251);
    socket.send(message);
    const [back] = (await once(socket, "message")) as [Buffer];
    expect(back.equals(message)).toBe(true);
  }
  socket.close(1000);
  await once(socket, "close");
  await eventually(() => router.records.length === 1);
  expect(router.records[0]?.text).toMatch(/^at=info method=GET path="\/" .* dyno=web\.\d+ .* status=101 bytes=\d+ /);
});

test("what the instance says first arrives, and it knows who asked", async () => {
  await using app = await startEcho();
  await using router = await startDataPath([routeTo([app.target])]);
  const socket = new WebSocket(`ws://127.0.0.1:${router.port}/greet`, { headers: { host: "shop.test" } });
  const [data] = (await once(socket, "message")) as [Buffer];
  expect(JSON.parse(data.toString())).toMatchObject({ upgrade: "websocket", "x-forwarded-for": "127.0.0.1" });
  socket.terminate();
});

test("either end's loss reaches the other", async () => {
  await using app = await startEcho();
  await using router = await startDataPath([routeTo([app.target])]);
  const socket = await openSocket(router.port);
  app.cut();
  await once(socket, "close");
  const second = await openSocket(router.port);
  second.terminate();
  await eventually(() => Object.keys(router.dataPath.status().inFlight).length === 0);
});

test("an upgrade that the instance does not want is answered plainly", async () => {
  await using app = await startInstance((_req, res) => void res.writeHead(426).end("no"));
  await using router = await startDataPath([routeTo([app.target])]);
  const text = await sendRaw(
    router.port,
    "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    2_000,
  );
  expect(text).toMatch(/^HTTP\/1\.1 426 /);
  // In chunks, as the instance sent it: the connection stays usable.
  expect(text).toMatch(/\r\n\r\n2\r\nno\r\n0\r\n\r\n$/);
});

test("an upgrade to an unknown host or an app without instances gets the same answers as a request", async () => {
  await using router = await startDataPath([routeTo([])]);
  const upgrade = (host: string) =>
    sendRaw(router.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, 2_000);
  expect(await upgrade("nobody.test")).toMatch(/^HTTP\/1\.1 404 [^]*X-Paas-Error: unknown_route/);
  expect(await upgrade("shop.test")).toMatch(/^HTTP\/1\.1 503 [^]*X-Paas-Error: H14/);
});

test("an offer of HTTP/2 is ignored and the request served", async () => {
  await using app = await startInstance((req, res) => void res.end(`upgrade=${req.headers.upgrade}`));
  await using router = await startDataPath([routeTo([app.target])]);
  const text = await sendRaw(
    router.port,
    "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
  );
  expect(text).toMatch(/^HTTP\/1\.1 200 [^]*upgrade=undefined/);
});

test("a tunnel outlives the drain's patience, so that its instance can say good-bye in its own protocol", async () => {
  await using app = await startEcho();
  await using router = await startDataPath([routeTo([app.target])]);
  const socket = await openSocket(router.port);
  const closed = once(socket, "close");
  router.apply([]);
  expect(await router.dataPath.drain([app.target.id], 100)).toBe(false);
  socket.send("still there?");
  expect(String((await once(socket, "message"))[0])).toBe("still there?");
  for (const one of app.sockets.clients) one.close(1001);
  expect((await closed)[0]).toBe(1001);
  expect(await router.dataPath.drain([app.target.id], 5_000)).toBe(true);
});

test("a client that leaves before the instance has answered ends the attempt", async () => {
  await using app = await startInstance(
    () => {},
    (server) => server.on("upgrade", () => {}),
  );
  await using router = await startDataPath([routeTo([app.target])]);
  const socket = connect(router.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await eventually(() => app.connections() === 1);
  socket.destroy();
  await eventually(() => router.records.length === 1);
  expect(router.records[0]?.text).toContain("code=H27");
  expect(await router.dataPath.drain([app.target.id], 1_000)).toBe(true);
});
