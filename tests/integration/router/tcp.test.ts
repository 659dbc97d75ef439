import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DataPath } from "../../../server/router/data-path.ts";
import type { Target, TcpTableRoute } from "../../../server/router/protocol.ts";
import { RecordBuffer } from "../../../server/router/record-buffer.ts";
import { deadTarget, eventually, freePort, listen, type RawInstance, startRawInstance } from "./harness.ts";

let dataPath: DataPath;
let echo: RawInstance;
let version = 1;

beforeAll(async () => {
  dataPath = new DataPath({
    listen: "127.0.0.1",
    port: 0,
    table: { version, routes: [] },
    records: new RecordBuffer(),
  });
  await dataPath.listen();
  // Answers what it got when the client has said all: both halves are needed.
  echo = await startRawInstance((socket) => {
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("end", () => socket.end(`got ${text}`, "latin1"));
  });
});
afterAll(async () => {
  await dataPath.close(0);
  await echo[Symbol.asyncDispose]();
});

async function use(...tcp: readonly TcpTableRoute[]): Promise<void> {
  dataPath.apply({ version: ++version, routes: [], tcp });
  await dataPath.settled();
}

const route = (listenPort: number, targets: readonly Target[], more: Partial<TcpTableRoute> = {}): TcpTableRoute => ({
  listenPort,
  app: "shop",
  targets,
  ...more,
});

/** Says it, ends its half, and answers what comes back; undefined when the connection was refused or reset. */
function say(port: number, text: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("end", () => {
      socket.destroy();
      resolve(answer);
    });
    socket.on("error", () => resolve(undefined));
    socket.end(text, "latin1");
  });
}

test("bytes go both ways as they are, half-closed too, and an unknown port is refused", async () => {
  const port = await freePort();
  await use(route(port, [echo.target]));
  expect(await say(port, "hello \0\xff")).toBe("got hello \0\xff");
  const big = "x".repeat(3_000_000);
  expect((await say(port, big))?.length).toBe(big.length + 4);
  await use();
  expect(await say(port, "hello")).toBeUndefined();
});

test("an instance that refuses is passed over; without any the connection is reset", async () => {
  const port = await freePort();
  await use(route(port, [await deadTarget(), await deadTarget(), echo.target]));
  for (let i = 0; i < 3; i++) expect(await say(port, "a")).toBe("got a");
  await use(route(port, [await deadTarget()]));
  expect(await say(port, "a")).toBeUndefined();
  await use(route(port, []));
  expect(await say(port, "a")).toBeUndefined();
});

test.each([
  ["v1", /^got PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello$/],
  ["v2", /^got \r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01.{4}hello$/s],
] as const)("with PROXY %s the instance is told who the client is", async (proxyProtocol, expected) => {
  const port = await freePort();
  await use(route(port, [echo.target], { proxyProtocol }));
  expect(await say(port, "hello")).toMatch(expected);
});

test("while the first instance starts connections wait for it, and after the death of the only one a little", async () => {
  const port = await freePort();
  await use(route(port, [], { isStarting: true }));
  const held = say(port, "early");
  await new Promise((resolve) => setTimeout(resolve, 150));
  await use(route(port, [await deadTarget()]));
  const late = say(port, "late");
  await new Promise((resolve) => setTimeout(resolve, 150));
  await use(route(port, [echo.target]));
  expect([await held, await late]).toEqual(["got early", "got late"]);
  await use(route(port, []));
  expect(await say(port, "nobody")).toBeUndefined();
});

test("behind a proxy that says who the client is, the app is told of the client; others are not believed", async () => {
  const port = await freePort();
  const useFrom = async (trusted: string) => {
    const tcp = [route(port, [echo.target], { proxyProtocol: "v1" })];
    const front = { workers: 1, trustedProxies: [trusted], proxyProtocol: true };
    dataPath.apply({ version: ++version, routes: [], tcp, front });
    await dataPath.settled();
  };
  await useFrom("127.0.0.0/8");
  const said = "PROXY TCP4 203.0.113.9 192.0.2.1 4711 1883\r\n";
  expect(await say(port, `${said}hello`)).toBe(`got ${said}hello`);
  // A check of the proxy's own.
  expect(await say(port, "PROXY UNKNOWN\r\nhello")).toMatch(
    /^got PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello$/,
  );
  expect(await say(port, "hello, who may I be?")).toBe("");
  await useFrom("10.0.0.0/8");
  expect(await say(port, `${said}hello`)).toMatch(
    /^got PROXY TCP4 127\.0\.0\.1 .*\r\nPROXY TCP4 203\.0\.113\.9 .*\r\nhello$/,
  );
});

test("a port that another process holds is named, and the others work", async () => {
  const other: Server = createServer();
  const taken = await listen(other);
  const port = await freePort();
  await use(route(taken, [echo.target]), route(port, [echo.target]));
  expect(dataPath.status().tcpProblems).toEqual({ [taken]: "EADDRINUSE" });
  expect(await say(port, "a")).toBe("got a");
  await new Promise((resolve) => other.close(resolve));
  await use(route(taken, [echo.target]), route(port, [echo.target]));
  expect(dataPath.status().tcpProblems).toEqual({});
  expect(await say(taken, "b")).toBe("got b");
});

test("a connection outlives its route and the drain's patience, counts as under way, and is ended by its instance", async () => {
  const sockets: Socket[] = [];
  await using held = await startRawInstance((socket) => sockets.push(socket));
  const port = await freePort();
  await use(route(port, [held.target]));
  const client = connect(port, "127.0.0.1");
  let text = "";
  client.on("data", (chunk) => (text += chunk.toString()));
  const closed = new Promise((resolve) => client.once("close", resolve));
  await eventually(() => sockets.length === 1);
  await use();
  expect(dataPath.status().inFlight).toEqual({ [held.target.id]: 1 });
  expect(await dataPath.drain([held.target.id], 100)).toBe(false);
  sockets[0]?.write("still here");
  await eventually(() => text === "still here");
  sockets[0]?.end(", and good-bye");
  await closed;
  expect(text).toBe("still here, and good-bye");
  await eventually(() => Object.keys(dataPath.status().inFlight).length === 0);
});

test("ports are free again when the worker ends", async () => {
  const port = await freePort();
  const short = new DataPath({
    listen: "127.0.0.1",
    port: 0,
    table: { version: 1, routes: [], tcp: [route(port, [echo.target])] },
    records: new RecordBuffer(),
  });
  await short.listen();
  await short.settled();
  expect(await say(port, "a")).toBe("got a");
  await short.close(0);
  const next = createServer();
  await new Promise<void>((resolve) => next.listen(port, "127.0.0.1", resolve));
  expect((next.address() as AddressInfo).port).toBe(port);
  await new Promise((resolve) => next.close(resolve));
});
