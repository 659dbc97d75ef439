import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { Outlet } from "../../../server/router/http1/outlet.ts";
import { out, reserve } from "../../../server/router/http1/slab.ts";

/** Takes what it is given at once, or never. */
function reader(isStuck: boolean, received: Buffer[] = []): Socket {
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      received.push(isStuck ? chunk : Buffer.from(chunk));
      if (!isStuck) done();
    },
  });
  return stream as unknown as Socket;
}

/** Both ends of a connection. */
async function pair(): Promise<{ socket: Socket; client: Socket }> {
  const server = createServer({ highWaterMark: 1_000 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a port");
  const client = connect(address.port, "127.0.0.1");
  onTestFinished(() => void client.destroy());
  const [[socket]] = (await Promise.all([once(server, "connection"), once(client, "connect")])) as [[Socket], unknown];
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return { socket, client };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const textOf = (all: readonly Buffer[]): string => Buffer.concat(all).toString("latin1");

/** One message, whole. */
function say(outlet: Outlet, text: string): void {
  const at = reserve(text.length);
  out.buffer.write(text, at, "latin1");
  outlet.open(at, at + text.length);
  outlet.flush();
}

const sockets = [
  { kind: "plain", isPlain: true },
  { kind: "TLS", isPlain: false },
];

test.each(sockets)(
  "a thousand $kind readers who do not take their few bytes keep a few slabs, and their bytes stay theirs",
  async ({ isPlain }) => {
    const before = process.memoryUsage().arrayBuffers;
    const taken: Buffer[] = [];
    const waiting: Buffer[][] = [];
    const large = "x".repeat(50_000);
    for (let i = 0; i < 1_000; i++) {
      const own: Buffer[] = [];
      waiting.push(own);
      say(new Outlet(reader(true, own), isPlain), `message ${i}`);
      for (let turn = 0; turn < 4; turn++) say(new Outlet(reader(false, taken), isPlain), large);
      if (!taken.every((bytes) => bytes.toString("latin1") === large)) throw new Error("mixed up");
      taken.length = 0;
      if (i % 7 === 0) await nextTurn();
    }
    await nextTurn();
    expect(waiting.map(textOf)).toEqual(waiting.map((_, i) => `message ${i}`));
    // A slab each would be 160 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60_000_000);
  },
);

test.each(sockets)(
  "a message to a $kind socket that is not whole keeps its place: it goes on its way before another gets it",
  async ({ isPlain }) => {
    const [first, second]: [Buffer[], Buffer[]] = [[], []];
    const slow = new Outlet(reader(false, first), isPlain);
    const other = new Outlet(reader(false, second), isPlain);
    const at = reserve(5);
    out.buffer.write("first", at, "latin1");
    slow.open(at, at + 5);
    say(other, "second");
    say(other, "third");
    await nextTurn();
    expect([first, second].map(textOf)).toEqual(["first", "secondthird"]);
  },
);

test.each(sockets)(
  "what is said to a $kind socket in one turn goes out when the turn is over, in its order",
  async ({ isPlain }) => {
    const [first, second]: [Buffer[], Buffer[]] = [[], []];
    const one = new Outlet(reader(false, first), isPlain);
    const other = new Outlet(reader(false, second), isPlain);
    say(one, "a");
    say(other, "A");
    expect([first.length, second.length, one.unsent, one.isClear]).toEqual([0, 0, 1, false]);
    // A second one does not wait behind the first: both would have to be kept.
    say(one, "b");
    expect(textOf(first)).toBe("a");
    one.write(Buffer.from("c"));
    expect(textOf(first)).toBe("abc");
    say(one, "d");
    one.sendNow();
    one.sendNow();
    expect(textOf(first)).toBe("abcd");
    say(one, "e");
    await nextTurn();
    expect([first, second].map(textOf)).toEqual(["abcde", "A"]);
    await nextTurn();
    expect([one.unsent, one.isClear]).toEqual([0, true]);
  },
);

test.each(sockets)("a $kind socket is closed behind the last message, and not before", async ({ isPlain }) => {
  const { socket, client } = await pair();
  const received: Buffer[] = [];
  client.on("data", (chunk: Buffer) => received.push(chunk));
  const outlet = new Outlet(socket, isPlain);
  say(outlet, "good-bye");
  outlet.close();
  expect(socket.destroyed).toBe(false);
  await once(client, "end");
  expect(textOf(received)).toBe("good-bye");
  if (!socket.destroyed) await once(socket, "close");
});

test("a large message does not wait, and goes behind a small one that does", () => {
  const received: Buffer[] = [];
  const outlet = new Outlet(reader(false, received), true);
  say(outlet, "small");
  say(outlet, "x".repeat(20_000));
  expect(received.map((bytes) => bytes.length)).toEqual([5, 20_000]);
});

test("a turn that brings very many messages does not let the first ones wait for the last", () => {
  const received: Buffer[] = [];
  const outlets = Array.from({ length: 200 }, () => new Outlet(reader(false, received), true));
  for (const outlet of outlets) say(outlet, "x");
  expect(received.length).toBeGreaterThanOrEqual(128);
});

test("what was dropped is not sent, and its place in the slab is free again", async () => {
  const received: Buffer[] = [];
  const outlet = new Outlet(reader(false, received), true);
  await nextTurn();
  const at = reserve(1);
  say(outlet, "whole");
  outlet.add(Buffer.from("begun"), 0, 5);
  outlet.drop();
  outlet.drop();
  await nextTurn();
  expect([received.length, outlet.isClear, reserve(1)]).toEqual([0, true, at]);
});

test("a message grows over the end of a slab without a byte lost", async () => {
  const received: Buffer[] = [];
  const outlet = new Outlet(reader(false, received), true);
  const parts = Array.from({ length: 100 }, (_, i) => Buffer.alloc(i % 2 === 0 ? 5_000 : 10, 97 + (i % 26)));
  for (const part of parts) outlet.add(part, 0, part.length);
  outlet.flush();
  await nextTurn();
  expect(Buffer.concat(received).equals(Buffer.concat(parts))).toBe(true);
});

test("a reader who does not read is full, and has room when he has read", async () => {
  const { socket, client } = await pair();
  client.pause();
  const outlet = new Outlet(socket, true);
  let sent = 0;
  while (!outlet.isFull) {
    say(outlet, "y".repeat(4_000));
    sent += 4_000;
    if (sent % 40_000 === 0) await nextTurn();
    if (sent > 50_000_000) throw new Error("never full");
  }
  expect([outlet.drained(), outlet.isClear]).toEqual([false, false]);
  let got = 0;
  const drain = once(socket, "drain");
  client.on("data", (chunk: Buffer) => (got += chunk.length));
  client.resume();
  await drain;
  expect([outlet.drained(), outlet.drained(), outlet.isFull]).toEqual([true, false, false]);
  while (got < sent) await once(client, "data");
  expect(got).toBe(sent);
});
