import { once } from "node:events";
import { constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataPath } from "../../../server/router/data-path.ts";
import { RecordBuffer } from "../../../server/router/record-buffer.ts";
import { newTicketKeys } from "../../../server/router/tls/ticket-keys.ts";
import { field, flags, frame, FrameClient, frameTypes, getHead } from "../../support/http2-frames.ts";
import { testCa } from "../../support/test-ca.ts";
import { ask, eventually, type Instance, routeTo, startDataPath, startInstance } from "./harness.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const get = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";

/** Of buffers that are in use. */
function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

/** Clients that each send a byte every 20 ms behind a beginning, and what each of them got. */
function startDrips(port: number, count: number, beginning: string) {
  const drips = Array.from({ length: count }, () => {
    const socket = connect(port, "127.0.0.1");
    const drip = { text: "", hasEnded: false };
    socket.on("error", () => {}).once("close", () => (drip.hasEnded = true));
    socket.on("data", (chunk) => (drip.text += chunk.toString("latin1")));
    socket.write(beginning);
    const timer = setInterval(() => socket.write("x"), 20);
    socket.once("close", () => clearInterval(timer));
    return { ...drip, socket, state: drip };
  });
  return { drips, end: () => drips.forEach(({ socket }) => socket.destroy()) };
}

describe("slow clients", () => {
  test("500 heads that come a byte at a time end with 408 when a whole head is due; others are served meanwhile", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using router = await startDataPath([routeTo([app.target])], { headTimeoutMs: 1_000 });
    const { drips } = startDrips(router.port, 500, "GET / HTTP/1.1\r\nHost: shop.test\r\nX-Slow: ");
    for (let i = 0; i < 20; i++) expect((await ask(router.port)).status).toBe(200);
    await eventually(() => drips.every(({ state }) => state.hasEnded), 20_000);
    expect(drips.filter(({ state }) => !state.text.startsWith("HTTP/1.1 408 "))).toEqual([]);
    expect(app.connections()).toBeLessThanOrEqual(20);
  });

  test("200 bodies that come a byte at a time hold nobody up, and are cut when their instance goes", async () => {
    await using app = await startInstance((req, res) => void req.resume().once("end", () => res.end("ok")));
    await using router = await startDataPath([routeTo([app.target])]);
    const post = "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100000\r\n\r\n";
    const { drips } = startDrips(router.port, 200, post);
    await eventually(() => router.dataPath.status().inFlight[app.target.id] === 200, 20_000);
    for (let i = 0; i < 20; i++) expect((await ask(router.port)).status).toBe(200);
    app.cut();
    await eventually(() => drips.every(({ state }) => state.text.startsWith("HTTP/1.1 503 ")), 20_000);
    for (const { socket } of drips) socket.destroy();
  });

  test("clients that do not read their answers take little memory, and none keeps its instance for ever", async () => {
    const [clients, block] = [50, Buffer.alloc(20_000_000)];
    await using app = await startInstance((_req, res) => void res.end(block));
    await using router = await startDataPath([routeTo([app.target])], { idleTimeoutMs: 500, stalledPeriods: 4 });
    const before = heldBytes();
    const sockets = Array.from({ length: clients }, () => connect(router.port, "127.0.0.1").pause());
    for (const socket of sockets) socket.on("error", () => {}).write(get);
    let each = Number.POSITIVE_INFINITY;
    await eventually(() => {
      const waiting = router.dataPath.status().inFlight[app.target.id] ?? 0;
      if (waiting > clients / 2) each = Math.min(each, (heldBytes() - before) / waiting);
      return router.dataPath.status().failures["H28"] === clients;
    }, 60_000);
    expect(router.dataPath.status()).toMatchObject({ inFlight: {}, failures: { H28: clients } });
    // Of 20 MB.
    expect(each).toBeLessThan(300_000);
    for (const socket of sockets) socket.destroy();
  });
});

test("heads at the limits of size and count are read as fast as bytes come; beyond them they are refused", async () => {
  await using app = await startInstance(
    (_req, res) => void res.end("ok"),
    (server) => (server.maxHeadersCount = 0),
  );
  await using router = await startDataPath([routeTo([app.target])]);
  const small = "a:b\r\n";
  const head = (fields: string) => `GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${fields}\r\n`;
  const send = async (text: string) => {
    const socket: Socket = connect(router.port, "127.0.0.1");
    let answer = "";
    socket.on("error", () => {}).on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.write(text);
    await once(socket, "close");
    return Number(answer.slice(9, 12));
  };
  const timed = async (text: string) => {
    const began = performance.now();
    const statuses: number[] = [];
    for (let i = 0; i < 50; i++) statuses.push(await send(text));
    return { ms: performance.now() - began, statuses: [...new Set(statuses)] };
  };
  const plain = await timed(head(""));
  const many = await timed(head(small.repeat(900)));
  const tooMany = await timed(head(small.repeat(12_000)));
  const tooLarge = await timed(head(`X-A: ${"a".repeat(70_000)}\r\n`));
  expect([plain.statuses, many.statuses]).toEqual([[200], [200]]);
  expect([tooMany.statuses, tooLarge.statuses]).toEqual([[431], [431]]);
  // Twenty times the fields, some times the work: nothing grows with their square.
  expect(many.ms / plain.ms).toBeLessThan(30);
});

describe("HTTP/2", () => {
  let app: Instance;
  let dataPath: DataPath;
  let port: number;
  let reached = 0;

  beforeAll(async () => {
    const ca = await testCa();
    const { cert, key } = await ca.issue(["shop.test"]);
    const certificates = [{ names: ["shop.test"], chain: cert + ca.issuer, key }];
    const secrets = { encryption: { certificates, challenges: [] }, ticketKeys: newTicketKeys() };
    app = await startInstance((_req, res) => {
      reached += 1;
      res.end("ok");
    });
    const table = { version: 1, routes: [routeTo([app.target])] };
    dataPath = new DataPath({
      listen: "127.0.0.1",
      port: 0,
      tls: { port: 0, secrets },
      table,
      records: new RecordBuffer(),
    });
    port = (await dataPath.listen()).https ?? 0;
  });
  afterAll(async () => {
    await dataPath.close(0);
    await app[Symbol.asyncDispose]();
  });

  const request = (id: number) =>
    frame(frameTypes.headers, flags.endStream | flags.endHeaders, id, getHead("shop.test"));
  const expectServed = async () => {
    const client = await FrameClient.open(port, "shop.test");
    await client.send(request(1));
    await eventually(() => client.answers === 1);
    client.socket.destroy();
  };

  test("a client that takes its requests back at once is cut off after some hundreds (rapid reset)", async () => {
    const client = await FrameClient.open(port, "shop.test");
    const cancel = Buffer.from([0, 0, 0, 8]);
    reached = 0;
    for (let id = 1; id < 40_000 && !client.hasEnded; id += 2) {
      await client.send(request(id), frame(frameTypes.reset, 0, id, cancel));
      if (id % 50 === 1) await pause(0);
    }
    await eventually(() => client.hasEnded);
    expect(client.goaway).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(reached).toBeLessThan(2_000);
    await expectServed();
  });

  test.each([
    ["full", 2_000, (n: number) => field(`x-${n}`, "v".repeat(1_000))],
    ["empty", 100_000, () => Buffer.alloc(0)],
  ])("a head that never ends (%s CONTINUATION frames) is cut off", async (_name, most, payload) => {
    const client = await FrameClient.open(port, "shop.test");
    const before = process.memoryUsage().rss;
    await client.send(frame(frameTypes.headers, flags.endStream, 1, getHead("shop.test")));
    let sent = 0;
    for (; sent < most && !client.hasEnded; sent++) {
      await client.send(frame(frameTypes.continuation, 0, 1, payload(sent)));
      if (sent % 20 === 0) await pause(0);
    }
    await eventually(() => client.hasEnded);
    expect(sent).toBeLessThan(most);
    expect(process.memoryUsage().rss - before).toBeLessThan(30_000_000);
    await expectServed();
  });

  test("a small head that unfolds to a large one is refused without unfolding it (HPACK bomb)", async () => {
    const client = await FrameClient.open(port, "shop.test");
    reached = 0;
    // Kept in the table of the connection, then named 12,000 times in a byte each.
    const kept = Buffer.concat([Buffer.from([0x40]), field("x-a", "v".repeat(3_900)).subarray(1)]);
    const block = Buffer.concat([getHead("shop.test"), kept, Buffer.alloc(12_000, 0xbe)]);
    const before = process.memoryUsage().rss;
    for (let id = 1; id < 41; id += 2)
      await client.send(frame(frameTypes.headers, flags.endStream | flags.endHeaders, id, block));
    await pause(500);
    expect(reached).toBe(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000);
    await expectServed();
    client.socket.destroy();
  });
});
