import { Agent, request } from "node:http";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { ask, eventually, type Instance, routeTo, startDataPath, startInstance, startRawInstance } from "./harness.ts";

interface Load extends AsyncDisposable {
  readonly failures: string[];
  readonly served: () => number;
}

/** Clients that ask as fast as they are answered, each on its kept connection. */
function hammer(port: number, clients: number, method = "GET"): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const failures: string[] = [];
  let served = 0;
  let isOver = false;
  const once = () =>
    new Promise<void>((resolve) => {
      const fail = (why: string) => {
        failures.push(why);
        resolve();
      };
      const body = method === "POST" ? "hello" : undefined;
      const req = request({ host: "127.0.0.1", port, method, headers: { host: "shop.test" }, agent }, (res) => {
        void buffer(res).then(
          (data) => {
            if (res.statusCode !== 200 || data.toString() !== "ok") return fail(`${res.statusCode} ${data.toString()}`);
            served += 1;
            resolve();
          },
          (err: Error) => fail(`answer cut: ${err.message}`),
        );
      });
      req.on("error", (err) => fail(`request: ${err.message}`));
      req.end(body);
    });
  const run = async () => {
    while (!isOver) await once();
  };
  const all = Array.from({ length: clients }, run);
  return {
    failures,
    served: () => served,
    async [Symbol.asyncDispose]() {
      isOver = true;
      await Promise.all(all);
      agent.destroy();
    },
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function startOk(keepAliveMs?: number): Promise<Instance> {
  return startInstance(
    (req, res) => void req.resume().once("end", () => setTimeout(() => res.end("ok"), Math.random() * 5)),
    (server) => {
      if (keepAliveMs !== undefined) server.keepAliveTimeout = keepAliveMs;
    },
  );
}

test.each(["GET", "POST"])("twenty swaps of all instances under 50 clients fail no %s", async (method) => {
  let current = [await startOk(), await startOk()];
  const routes = () => [routeTo(current.map((one) => one.target))];
  await using router = await startDataPath(routes());
  await using load = hammer(router.port, 50, method);
  for (let swap = 0; swap < 20; swap++) {
    const old = current;
    current = [await startOk(), await startOk()];
    router.apply(routes());
    const ids = old.map((one) => one.target.id);
    expect(await router.dataPath.drain(ids, 5_000)).toBe(true);
    for (const one of old) await one[Symbol.asyncDispose]();
    await pause(10);
  }
  await load[Symbol.asyncDispose]();
  for (const one of current) await one[Symbol.asyncDispose]();
  expect(load.failures).toEqual([]);
  expect(load.served()).toBeGreaterThan(500);
});

test("settings of a route change in the same moment as its instances", async () => {
  const startNumbered = (number: number) =>
    startInstance((req, res) => void res.end(req.headers["x-number"] === String(number) ? "ok" : "mixed"));
  const tableOf = (instance: Instance, number: number) => [
    routeTo([instance.target], { policy: { requestHeaders: { set: { "X-Number": String(number) } } } }),
  ];
  let current = await startNumbered(0);
  await using router = await startDataPath(tableOf(current, 0));
  await using load = hammer(router.port, 10);
  for (let number = 1; number <= 10; number++) {
    const old = current;
    current = await startNumbered(number);
    router.apply(tableOf(current, number));
    expect(await router.dataPath.drain([old.target.id], 5_000)).toBe(true);
    const before = load.served();
    await eventually(() => load.served() > before);
    await old[Symbol.asyncDispose]();
  }
  expect(load.failures).toEqual([]);
  await current[Symbol.asyncDispose]();
});

describe("an instance that closes idle connections at once", () => {
  test.each(["GET", "POST"])("fails no %s", async (method) => {
    // Closes each connection a moment after its answer, without a word beforehand: the router's next request races it.
    await using app = await startRawInstance((socket) => {
      socket.on("data", (chunk) => {
        if (!chunk.toString("latin1").includes(method === "POST" ? "hello" : "\r\n\r\n")) return;
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if (Math.random() < 0.5) setImmediate(() => socket.end());
        else setTimeout(() => socket.destroy(), Math.random() * 2);
      });
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const load = hammer(router.port, 20, method);
    await eventually(() => load.served() > 300, 60_000);
    await load[Symbol.asyncDispose]();
    expect(load.failures).toEqual([]);
  });

  test("fails no request when it is node:http with the shortest keep-alive", async () => {
    await using app = await startOk(1);
    await using router = await startDataPath([routeTo([app.target])]);
    const load = hammer(router.port, 20);
    await pause(1_500);
    await load[Symbol.asyncDispose]();
    expect(load.failures).toEqual([]);
  });
});

describe("drain", () => {
  test("waits for a slow answer to its last byte", async () => {
    let hasEnded = false;
    await using app = await startInstance((_req, res) => {
      res.write("o");
      setTimeout(() => {
        hasEnded = true;
        res.end("k");
      }, 300);
    });
    await using router = await startDataPath([routeTo([app.target])]);
    const answer = ask(router.port);
    await eventually(() => app.connections() === 1);
    router.apply([]);
    expect(await router.dataPath.drain([app.target.id], 5_000)).toBe(true);
    expect(hasEnded).toBe(true);
    expect((await answer).body).toBe("ok");
  });

  test("gives up at its deadline, and the answer still comes", async () => {
    await using app = await startInstance((_req, res) => void setTimeout(() => res.end("ok"), 400));
    await using router = await startDataPath([routeTo([app.target])]);
    const answer = ask(router.port);
    await pause(50);
    const before = performance.now();
    expect(await router.dataPath.drain([app.target.id], 100)).toBe(false);
    expect(performance.now() - before).toBeLessThan(300);
    expect((await answer).body).toBe("ok");
  });

  test("does not wait for other instances", async () => {
    await using slow = await startInstance((_req, res) => void setTimeout(() => res.end("ok"), 500));
    await using router = await startDataPath([routeTo([slow.target])]);
    const answer = ask(router.port);
    await pause(50);
    expect(await router.dataPath.drain(["another"], 100)).toBe(true);
    await answer;
  });
});

test("a worker that ends answers what it has and takes no new connection", async () => {
  await using app = await startInstance((_req, res) => void setTimeout(() => res.end("ok"), 200));
  const router = await startDataPath([routeTo([app.target])]);
  const answer = ask(router.port);
  await pause(50);
  const closed = router.dataPath.close(5_000);
  await expect(ask(router.port)).rejects.toThrow(/ECONNREFUSED/);
  expect(await answer).toMatchObject({ status: 200, body: "ok" });
  await closed;
});
