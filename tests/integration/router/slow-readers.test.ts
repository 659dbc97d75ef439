import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import type { Policy } from "../../../server/router/policy.ts";
import { eventually, routeTo, startDataPath, startInstance } from "./harness.ts";

const get = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";
const body = Buffer.alloc(30_000, "x");
const most = 2_000;

/**
 * A client that reads nothing and asks until the router takes no further request from it: then the end of an answer waits
 * in the router, and the last request before it.
 */
async function startStuck(policy: Partial<Policy> = {}) {
  let served = 0;
  const app = await startInstance((_req, res) => {
    served += 1;
    res.end(body);
  });
  const router = await startDataPath([routeTo([app.target])], policy);
  const socket = connect(router.port, "127.0.0.1").pause();
  for (let asked = 1; asked === served + 1 && asked < most; asked++) {
    socket.write(get);
    await eventually(() => served === asked, 500).catch(() => {});
  }
  const stack = new AsyncDisposableStack();
  stack.use(app);
  stack.use(router);
  stack.defer(() => void socket.destroy());
  return { router, socket, served: () => served, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** How many whole answers come until the connection ends. */
async function readAll(socket: Socket): Promise<number> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket.resume(), "close");
  return Buffer.concat(chunks).toString("latin1").split("x".repeat(body.length)).length - 1;
}

test("a client that asks on without reading is not answered into the router's memory", async () => {
  await using stuck = await startStuck();
  expect(stuck.served()).toBeLessThan(most / 2);
  const before = process.memoryUsage().arrayBuffers;
  stuck.socket.write(get.repeat(1_000));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  const asked = stuck.served() + 1_001;
  stuck.socket.end();
  expect(await readAll(stuck.socket)).toBe(asked);
});

test.each([0, 400])(
  "the end of an answer that waits for its reader survives the end of its worker, %i ms",
  async (ms) => {
    await using stuck = await startStuck();
    const closed = stuck.router.dataPath.close(20_000, ms);
    await new Promise((resolve) => setTimeout(resolve, ms + 100));
    expect(await readAll(stuck.socket)).toBe(stuck.served());
    await closed;
  },
);
