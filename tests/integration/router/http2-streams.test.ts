import { connect, constants } from "node:http2";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { field, flags, frame, FrameClient, frameTypes, getHead, settings, uint32 } from "../../support/http2-frames.ts";
import {
  eventually,
  routeTo,
  startInstance,
  startRawInstance,
  startSecureDataPath,
  type TestRouter,
} from "./harness.ts";

const whole = flags.endStream | flags.endHeaders;
const windowSetting = 4;
const get = (id: number) => frame(frameTypes.headers, whole, id, getHead("shop.test"));
const open = ({ port }: TestRouter, own?: Buffer<ArrayBuffer>) => FrameClient.open(port, "shop.test", own);
type Fields = readonly (readonly [name: string, value: string])[];
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** The head of `POST /` with a body that has `length` bytes. */
const postHead = (length: number) =>
  Buffer.concat([
    Buffer.from([0x83, 0x87, 0x84]),
    field(":authority", "shop.test"),
    field("content-length", String(length)),
  ]);

describe("windows", () => {
  test("an answer comes as far as the client's windows, and all of it when they open", async () => {
    const body = Buffer.alloc(200_000, 1);
    await using app = await startInstance((_req, res) => void res.end(body));
    await using router = await startSecureDataPath([routeTo([app.target])]);
    const client = await open(router, settings([windowSetting, 1_000]));
    await client.send(get(1));
    await eventually(() => client.bodyBytes(1) === 1_000);
    await client.send(frame(frameTypes.window, 0, 1, uint32(500)));
    await eventually(() => client.bodyBytes(1) === 1_500);
    // All streams that are open get what the setting grows by.
    await client.send(frame(frameTypes.settings, 0, 0, settings([windowSetting, 300_000])));
    await eventually(() => client.bodyBytes(1) === 65_535);
    await client.send(frame(frameTypes.window, 0, 0, uint32(1_000_000)));
    await eventually(() => client.bodyBytes(1) === body.length);
    expect(client.of(frameTypes.data, 1).at(-1)?.flag).toBe(flags.endStream);
    client.socket.destroy();
  });

  test("streams that wait for the connection's window take turns", async () => {
    await using app = await startInstance((_req, res) => void res.end(Buffer.alloc(1_000_000)));
    await using router = await startSecureDataPath([routeTo([app.target])]);
    const client = await open(router, settings([windowSetting, 2_000_000]));
    await client.send(get(1), get(3), get(5));
    await eventually(() => client.answers === 3);
    const before = [1, 3, 5].map((id) => client.bodyBytes(id));
    await client.send(frame(frameTypes.window, 0, 0, uint32(480_000)));
    const all = () => [1, 3, 5].map((id, i) => client.bodyBytes(id) - (before[i] ?? 0));
    await eventually(() => all().reduce((sum, one) => sum + one, 0) === 480_000);
    for (const one of all()) expect(one).toBeGreaterThan(100_000);
    client.socket.destroy();
  });

  test("100 answers that a client does not let in hold little, and free their instances in time", async () => {
    const streams = 100;
    const block = Buffer.alloc(5_000_000);
    await using app = await startInstance((_req, res) => void res.end(block));
    await using router = await startSecureDataPath([routeTo([app.target])], { idleTimeoutMs: 500, stalledPeriods: 3 });
    const client = await open(router, settings([windowSetting, 1]));
    const before = process.memoryUsage().arrayBuffers;
    await client.send(...Array.from({ length: streams }, (_, i) => get(2 * i + 1)));
    await eventually(() => client.answers === streams, 20_000);
    expect([1, 199].map((id) => client.bodyBytes(id))).toEqual([1, 1]);
    // Of 500 MB; what the sockets of the instance hold is counted too.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60_000_000);
    await eventually(() => router.dataPath.status().failures["H28"] === streams, 20_000);
    await eventually(() => client.resets === streams);
    expect(router.dataPath.status().inFlight).toEqual({});
    client.socket.destroy();
  });

  test("what is left of an answer whose instance is done is not kept for ever", async () => {
    await using app = await startInstance((_req, res) => void res.end("small"));
    await using router = await startSecureDataPath([routeTo([app.target])], { idleTimeoutMs: 100, stalledPeriods: 3 });
    const client = await open(router, settings([windowSetting, 0]));
    await client.send(get(1));
    await eventually(() => client.resets === 1);
    expect(client.of(frameTypes.reset, 1)[0]?.payload).toEqual(uint32(constants.NGHTTP2_CANCEL));
    expect(router.dataPath.status().inFlight).toEqual({});
    client.socket.destroy();
  });

  test("a client that reads nothing is not read either", async () => {
    let reached = 0;
    const value = "v".repeat(8_000);
    await using app = await startInstance((_req, res) => {
      reached += 1;
      res.writeHead(200, { "x-id": `${reached}${value}` }).end();
    });
    await using router = await startSecureDataPath([routeTo([app.target])]);
    const client = await open(router);
    client.socket.pause();
    let sent = 0;
    // Until nothing more gets through; never as many at once as would be refused.
    for (let isTaking = true; isTaking && sent < 20_000; ) {
      for (let i = 0; i < 20; i++, sent += 1) client.socket.write(get(2 * sent + 1));
      const isTaken = () => reached + 100 >= sent;
      isTaking = await eventually(isTaken, 2_000).then(
        () => true,
        () => false,
      );
    }
    // What the kernel holds for both, and 256 KB.
    expect(reached * value.length).toBeLessThan(20_000_000);
    client.socket.resume();
    await eventually(() => client.answers === sent, 20_000);
    client.socket.destroy();
  });
});

describe("floods", () => {
  test.each([
    ["PING", () => frame(frameTypes.ping, 0, 0, Buffer.alloc(8))],
    ["SETTINGS", () => frame(frameTypes.settings, 0, 0)],
    ["PRIORITY", () => frame(frameTypes.priority, 0, 3, Buffer.alloc(5))],
    ["WINDOW_UPDATE", () => frame(frameTypes.window, 0, 0, uint32(1))],
    ["empty DATA", () => frame(frameTypes.data, 0, 1)],
    ["an unknown frame", () => frame(99, 0, 0)],
    ["RST_STREAM of a stream that is over", () => frame(frameTypes.reset, 0, 1, uint32(8))],
  ])("%s", async (name, flood) => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using router = await startSecureDataPath([routeTo([app.target])]);
    const client = await open(router);
    const isUpload = name === "empty DATA";
    const head = isUpload ? frame(frameTypes.headers, flags.endHeaders, 1, postHead(10)) : get(1);
    await client.send(head);
    if (!isUpload) await eventually(() => client.answers === 1);
    const all = Buffer.concat(Array.from({ length: 100 }, flood));
    let sent = 0;
    for (; sent < 100_000 && !client.hasEnded; sent += 100) {
      await client.send(all);
      await pause(0);
    }
    expect(client.goaway).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(sent).toBeLessThan(20_000);
  });

  test("streams that a client has us break count as taken back", async () => {
    await using app = await startInstance(() => {});
    await using router = await startSecureDataPath([routeTo([app.target])]);
    const client = await open(router);
    for (let id = 1; id < 4_000 && !client.hasEnded; id += 2) {
      await client.send(get(id), frame(frameTypes.window, 0, id, uint32(0)));
      if (id % 50 === 1) await pause(0);
    }
    expect(client.goaway).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
});

describe("time", () => {
  test("a client that does not confirm our settings is sent away", async () => {
    await using router = await startSecureDataPath([], { headTimeoutMs: 200 });
    const client = await open(router);
    await eventually(() => client.hasEnded);
    expect(client.goaway).toBe(constants.NGHTTP2_SETTINGS_TIMEOUT);
  });

  test("a head that does not end in time ends its connection", async () => {
    await using router = await startSecureDataPath([], { headTimeoutMs: 300 });
    const client = await open(router);
    await client.send(frame(frameTypes.settings, flags.ack, 0));
    await client.send(frame(frameTypes.headers, flags.endStream, 1, getHead("shop.test")));
    await eventually(() => client.hasEnded);
    expect(client.goaway).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });

  test("an idle connection is ended after its time, in two steps", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using router = await startSecureDataPath([routeTo([app.target])], { clientKeepAliveMs: 200 });
    const client = await open(router);
    await client.send(frame(frameTypes.settings, flags.ack, 0), get(1));
    await eventually(() => client.of(frameTypes.goaway, 0).length === 1);
    // What is sent before one has heard of it is still served.
    await client.send(get(3));
    await eventually(() => client.answers === 2);
    const [ping] = client.of(frameTypes.ping, 0);
    await client.send(frame(frameTypes.ping, flags.ack, 0, ping?.payload));
    await eventually(() => client.hasEnded);
    const said = client.of(frameTypes.goaway, 0).map(({ payload }) => payload);
    expect(said).toEqual([uint32(2 ** 31 - 1, 0), uint32(3, 0)]);
  });
});

describe("requests", () => {
  test("a body that is not as long as it says reaches nobody as if it were whole", async () => {
    let wholes = 0;
    await using app = await startInstance((req) => void req.resume().once("end", () => (wholes += 1)));
    await using router = await startSecureDataPath([routeTo([app.target])]);
    const client = await open(router);
    const data = (id: number, bytes: number, flag: number) => frame(frameTypes.data, flag, id, Buffer.alloc(bytes));
    const begin = (id: number, length: number) => frame(frameTypes.headers, flags.endHeaders, id, postHead(length));
    await client.send(begin(1, 10), data(1, 9, flags.endStream));
    await client.send(begin(3, 10), data(3, 11, flags.endStream));
    await client.send(begin(5, 0), data(5, 1, flags.endStream));
    await client.send(frame(frameTypes.headers, whole, 7, postHead(10)));
    await eventually(() => client.resets === 4);
    await client.send(begin(9, 10), data(9, 4, 0), data(9, 6, flags.endStream));
    await eventually(() => wholes === 1);
    expect(client.frames.filter(({ type }) => type === frameTypes.reset).map(({ payload }) => payload)).toEqual(
      Array.from({ length: 4 }, () => uint32(constants.NGHTTP2_PROTOCOL_ERROR)),
    );
    client.socket.destroy();
  });

  test("nothing that a client can put into a field becomes another line or another request", async () => {
    const seen: string[] = [];
    await using app = await startRawInstance((socket) => {
      socket.on("data", (chunk) => {
        seen.push(chunk.toString("latin1"));
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
    });
    await using router = await startSecureDataPath([routeTo([app.target])]);
    const plain: Fields = [
      [":method", "GET"],
      [":path", "/"],
      [":scheme", "https"],
      [":authority", "shop.test"],
    ];
    const evil = [
      "\r\nx-evil: 1",
      "\nx-evil: 1",
      "\r\n\r\nGET /evil HTTP/1.1\r\nhost: shop.test\r\n\r\n",
      " HTTP/1.1",
      "\0",
    ];
    const heads: Fields[] = [];
    for (const bytes of evil) {
      for (const [i, [name, value]] of plain.entries()) heads.push(plain.with(i, [name, value + bytes]));
      // A blank is no harm there.
      if (!bytes.startsWith(" ")) heads.push([...plain, ["x-a", `b${bytes}`]], [...plain, ["cookie", `b${bytes}`]]);
      heads.push(
        [...plain, ["host", bytes]],
        [...plain, [`x-a${bytes}`, "b"]],
        [...plain, ["content-length", `0${bytes}`]],
      );
    }
    heads.push([...plain, ["x-a: b\r\nx-evil", "1"]], [...plain, ["transfer-encoding", "chunked"]]);
    heads.push([...plain, ["content-length", "0"], ["content-length", "5"]], [...plain, ["content_length", "5"]]);
    const client = await open(router);
    let id = -1;
    for (const fields of heads) {
      const block = Buffer.concat(fields.map(([name, value]) => field(name, value)));
      await client.send(frame(frameTypes.headers, whole, (id += 2), block));
      await eventually(() => client.resets + client.answers === (id + 1) / 2);
    }
    expect(seen).toEqual([]);
    await client.send(get(id + 2));
    await eventually(() => seen.length === 1);
    expect(seen[0]).toMatch(/^GET \/ HTTP\/1\.1\r\nhost: shop\.test\r\n/);
    client.socket.destroy();
  });
});

test("fields of node's encoder come out of our decoder as they were, and ours out of node's", {
  timeout: 60_000,
}, async () => {
  let answered: readonly [string, string][] = [];
  let asked: readonly string[] = [];
  await using app = await startInstance((req, res) => {
    asked = req.rawHeaders;
    res.writeHead(200, answered.flat()).end();
  });
  await using router = await startSecureDataPath([routeTo([app.target])]);
  const session = connect(`https://127.0.0.1:${router.port}`, { servername: "shop.test", rejectUnauthorized: false });
  const name = fc
    .stringMatching(/^x-[a-z0-9-]{0,12}[a-z]$/)
    .filter((one) => !/^x-(?:request|vcap|forwarded|cf|paas)/.test(one));
  const value = fc.oneof(fc.constantFrom("a", "no-cache", "0"), fc.stringMatching(/^[!-~](?:[ -~]{0,200}[!-~])?$/));
  const fields = fc.uniqueArray(fc.tuple(name, value), { maxLength: 20, selector: ([one]) => one });
  const check = fc.asyncProperty(fields, fields, async (request, answer) => {
    answered = answer;
    const stream = session.request({ ":authority": "shop.test", ":path": "/", ...Object.fromEntries(request) });
    const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.once("response", resolve).once("error", reject).resume();
    });
    const got = new Map<string, string>();
    for (let i = 0; i < asked.length; i += 2) got.set(asked[i] ?? "", asked[i + 1] ?? "");
    for (const [one, said] of request) expect([one, got.get(one)]).toEqual([one, said]);
    for (const [one, said] of answer) expect([one, headers[one]]).toEqual([one, said]);
  });
  try {
    await fc.assert(check, { numRuns: 400, interruptAfterTimeLimit: 8_000 });
  } finally {
    session.destroy();
  }
});
