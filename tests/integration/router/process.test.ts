import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Paths, pathsOf } from "../../../server/config/config.ts";
import { silentLog } from "../../../server/core/log.ts";
import { createSealer } from "../../../server/core/seal.ts";
import { connectRouter, type RouterClient } from "../../../server/router/client.ts";
import { openConnection } from "../../../server/router/connection.ts";
import { ensureRouter, stopRouter } from "../../../server/router/process.ts";
import type { RequestRecord, TableRoute } from "../../../server/router/protocol.ts";
import { loadTable } from "../../../server/router/table-file.ts";
import { startLoad } from "../../support/load.ts";
import { childrenOf } from "../../support/router-workers.ts";
import { ask, eventually, listen, routeTo, startInstance } from "./harness.ts";

let home: string;
let paths: Paths;
const key = Buffer.alloc(32, 5);
const records: RequestRecord[] = [];
const signal = () => AbortSignal.timeout(20_000);
const mainFile = fileURLToPath(new URL("../../../server/router/main.ts", import.meta.url));

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "router-"));
  paths = pathsOf(home);
  records.length = 0;
});

afterEach(async () => {
  await stopRouter(paths);
  await rm(home, { recursive: true, force: true });
});

function ensure(change: { httpPort?: number; routerWorkers?: number } = {}, build?: string): Promise<RouterClient> {
  const config = { home, listen: "127.0.0.1", httpPort: 0, routerWorkers: 1, ...change };
  const version = build === undefined ? {} : { build };
  const onRequests = (more: readonly RequestRecord[]) => records.push(...more);
  return ensureRouter({
    config,
    paths,
    node: process.execPath,
    log: silentLog,
    key,
    onRequests,
    signal: signal(),
    ...version,
  });
}

function startByHand(port: number, stdio: StdioOptions = "ignore"): ChildProcess {
  const args = [mainFile, `--home=${home}`, "--listen=127.0.0.1", `--http-port=${port}`];
  const env = { ...process.env, PAAS_ROUTER_KEY: key.toString("base64") };
  return spawn(process.execPath, args, { stdio, env });
}

async function answers(port: number): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    try {
      await ask(port);
      return;
    } catch (err) {
      if (performance.now() > end) throw err;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe("without a daemon", () => {
  test("a router that was killed and started again serves by the table it had", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    const client = await ensure();
    const { httpPort, pid } = client;
    await client.apply([routeTo([app.target])], signal());
    await client[Symbol.asyncDispose]();
    process.kill(pid, "SIGKILL");
    const child = startByHand(httpPort);
    await answers(httpPort);
    expect(await ask(httpPort)).toMatchObject({ status: 200, body: "ok" });
    expect(child.pid).not.toBe(pid);
    expect((await readFile(paths.routerPidFile, "utf8")).trim()).toBe(String(child.pid));
  });

  test("what it keeps on disk is sealed with its key; a table of an earlier version is taken in the clear", async () => {
    const policy = { routeService: { url: "https://waf.test", key: "hush hush" } };
    const client = await ensure();
    const { httpPort, pid } = client;
    await client.apply([routeTo([], { policy })], signal());
    await client[Symbol.asyncDispose]();
    const file = path.join(paths.routerDir, "table.json");
    expect(await readFile(file, "latin1")).not.toMatch(/hush|shop\.test/);
    expect(loadTable(file, createSealer(key))?.routes[0]?.policy).toEqual(policy);
    expect(() => loadTable(file, createSealer(Buffer.alloc(32, 6)))).toThrow(/authenticate/);
    process.kill(pid, "SIGKILL");
    const plain = { version: 5, routes: [routeTo([], { state: "crashed" })] };
    await writeFile(file, JSON.stringify(plain));
    startByHand(httpPort);
    await answers(httpPort);
    expect((await ask(httpPort)).headers["x-paas-error"]).toBe("H10");
  });

  test("requests go on, and their records come when the daemon is back", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    const first = await ensure();
    const { httpPort, pid } = first;
    await first.apply([routeTo([app.target])], signal());
    await first[Symbol.asyncDispose]();
    for (let i = 0; i < 20; i++) expect((await ask(httpPort, { path: `/${i}` })).status).toBe(200);
    expect(records).toEqual([]);
    await using second = await ensure();
    expect(second.pid).toBe(pid);
    await eventually(() => records.length === 20);
    expect(records.map((one) => /path="\/(\d+)"/.exec(one.text)?.[1])).toEqual(
      Array.from({ length: 20 }, (_, i) => `${i}`),
    );
    await ask(httpPort, { path: "/live" });
    await eventually(() => records.length === 21);
  });
});

describe("the daemon's handle", () => {
  test("a router that dies is started again on its port, with the routes of the daemon", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using client = await ensure();
    const { httpPort, pid } = client;
    await client.apply([routeTo([app.target])], signal());
    process.kill(pid, "SIGKILL");
    await client.apply([routeTo([app.target]), routeTo([], { host: "new.test" })], signal());
    expect(client.pid).not.toBe(pid);
    expect(client.httpPort).toBe(httpPort);
    expect(await ask(httpPort)).toMatchObject({ status: 200 });
    expect(await ask(httpPort, { host: "new.test" })).toMatchObject({ status: 503 });
  });

  test("a second one takes the version up where the first has left it", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    const first = await ensure();
    for (let i = 0; i < 5; i++) await first.apply([], signal());
    await first[Symbol.asyncDispose]();
    await using second = await ensure();
    await second.apply([routeTo([app.target])], signal());
    expect((await second.status(signal())).version).toBeGreaterThan(5);
    expect((await ask(second.httpPort)).body).toBe("ok");
  });

  test("the last of many routes asked for at once is in force, and all calls end", async () => {
    await using client = await ensure();
    const hosts = Array.from({ length: 50 }, (_, i) => `h${i}.test`);
    await Promise.all(hosts.map((host) => client.apply([routeTo([], { host })], signal())));
    expect((await ask(client.httpPort, { host: "h49.test" })).status).toBe(503);
    expect((await ask(client.httpPort, { host: "h48.test" })).status).toBe(404);
  });

  test("an older table than the router has is refused", async () => {
    await using client = await ensure();
    await client.apply([routeTo([])], signal());
    await client.apply([routeTo([])], signal());
    const connection = await openConnection(paths.routerSocket, 1_000);
    expect(await connection.ask({ type: "apply", table: { version: 1, routes: [] } })).toEqual({
      applied: false,
      version: 2,
    });
    connection.close();
    expect((await ask(client.httpPort)).status).toBe(503);
  });

  test("a change of another table than the one in force is refused, and the client tells all of it", async () => {
    await using client = await ensure();
    await client.apply([routeTo([]), routeTo([], { host: "other.test" })], signal());
    const connection = await openConnection(paths.routerSocket, 1_000);
    const change = { base: 7, version: 9, put: [], dropped: [{ host: "other.test", path: "/" }] };
    expect(await connection.ask({ type: "change", change })).toEqual({ applied: false, version: 1 });
    // Somebody else's table: the client knows nothing of it.
    await connection.ask({ type: "apply", table: { version: 9, routes: [] } });
    connection.close();
    expect((await ask(client.httpPort)).status).toBe(404);
    await client.apply([routeTo([]), routeTo([], { host: "third.test" })], signal());
    expect((await ask(client.httpPort)).status).toBe(503);
    expect((await ask(client.httpPort, { host: "third.test" })).status).toBe(503);
    expect((await ask(client.httpPort, { host: "other.test" })).status).toBe(404);
  });

  test("a change that is none is refused and changes nothing", async () => {
    await using client = await ensure();
    await client.apply([routeTo([])], signal());
    const connection = await openConnection(paths.routerSocket, 1_000);
    const put = [{ host: "shop.test", path: "no path" }] as unknown as readonly TableRoute[];
    const change = { base: 1, version: 2, put, dropped: [] };
    await expect(connection.ask({ type: "change", change })).rejects.toThrow("not a change of a routing table");
    connection.close();
    expect((await client.status(signal())).version).toBe(1);
  });

  test("drain over the socket waits for a slow answer, and status shows it", async () => {
    await using app = await startInstance((_req, res) => void setTimeout(() => res.end("ok"), 400));
    await using client = await ensure();
    await client.apply([routeTo([app.target])], signal());
    const answer = ask(client.httpPort);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await client.status(signal())).inFlight).toEqual({ [app.target.id]: 1 });
    expect(await client.drain([app.target.id], 50, signal())).toBe(false);
    expect(await client.drain([app.target.id], 5_000, signal())).toBe(true);
    expect((await answer).body).toBe("ok");
  });

  test("without a router it says so", async () => {
    const options = { socket: paths.routerSocket, onRequests: () => {}, log: silentLog };
    await expect(connectRouter(options)).rejects.toMatchObject({ code: "ROUTER_UNAVAILABLE" });
  });
});

test.each([
  ["nobody reads any more", "pipe"],
  ["has no room left", "/dev/full"],
])("a router whose log %s serves, and ends when it is told to", async (_name, target) => {
  const taken = createServer();
  const port = await listen(taken);
  taken.close();
  await using full = await open("/dev/full", "w");
  const child = startByHand(port, ["ignore", "ignore", target === "pipe" ? "pipe" : full.fd]);
  child.stderr?.destroy();
  try {
    await answers(port);
    child.kill("SIGTERM");
    const [code] = (await once(child, "exit", { signal: AbortSignal.timeout(15_000) })) as [number | null];
    expect(code).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
});

describe("one router a home", () => {
  test("a router with the same settings is kept, one with others is replaced", async () => {
    const first = await ensure();
    await first[Symbol.asyncDispose]();
    const same = await ensure({ httpPort: first.httpPort });
    await same[Symbol.asyncDispose]();
    expect(same.pid).toBe(first.pid);
    await using other = await ensure({ httpPort: first.httpPort, routerWorkers: 2 });
    expect(other.pid).not.toBe(first.pid);
    expect((await other.status(signal())).workers).toBe(2);
  });

  test("a second process refuses to start", async () => {
    await using client = await ensure();
    const child = startByHand(0);
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(17);
    expect((await ask(client.httpPort)).status).toBe(404);
  });

  test("a port that is taken is named", async () => {
    const other = createServer();
    const httpPort = await listen(other);
    await expect(ensure({ httpPort })).rejects.toMatchObject({
      code: "ROUTER_PORT_TAKEN",
      message: expect.stringContaining(`127.0.0.1:${httpPort}`) as string,
    });
    other.close();
  });

  test("only the owner may open the socket", async () => {
    await using client = await ensure();
    expect((await stat(paths.routerSocket)).mode & 0o777).toBe(0o600);
    expect(client.pid).toBeGreaterThan(1);
  });

  test("it ends after what is under way, and leaves neither socket nor pid file", async () => {
    await using app = await startInstance((_req, res) => void setTimeout(() => res.end("ok"), 300));
    const client = await ensure();
    await client.apply([routeTo([app.target])], signal());
    const answer = ask(client.httpPort);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await client[Symbol.asyncDispose]();
    expect(await stopRouter(paths)).toBe(true);
    expect((await answer).body).toBe("ok");
    expect(await stopRouter(paths)).toBe(false);
    await expect(stat(paths.routerSocket)).rejects.toThrow(/ENOENT/);
    await expect(stat(paths.routerPidFile)).rejects.toThrow(/ENOENT/);
  });
});

describe("a router of another version", () => {
  test.each([1, 2])("takes over without a failed request, from %i worker(s)", async (routerWorkers) => {
    await using app = await startInstance((_req, res) => void setTimeout(() => res.end("ok"), Math.random() * 5));
    const first = await ensure({ routerWorkers }, "old");
    const { httpPort } = first;
    await first.apply([routeTo([app.target])], signal());
    const loads = [startLoad(() => httpPort, "shop.test", 100), startLoad(() => httpPort, "shop.test", 100)];
    await eventually(() => loads.every((load) => load.count > 50), 20_000);
    for (const version of ["new", "newest"]) {
      const client = await ensure({ routerWorkers, httpPort }, version);
      expect(client.pid).not.toBe(first.pid);
      expect(client.httpPort).toBe(httpPort);
      const from = loads.map((load) => load.count);
      await eventually(() => loads.every((load, i) => load.count > (from[i] ?? 0) + 100), 20_000);
      await client[Symbol.asyncDispose]();
    }
    await first[Symbol.asyncDispose]();
    for (const load of loads) {
      await load.stop();
      expect(load.failures).toEqual([]);
    }
  });

  test("leaves what is under way to the old one, and drains and tables reach both", async () => {
    const release = Promise.withResolvers<void>();
    await using slow = await startInstance((_req, res) => void release.promise.then(() => res.end("slow")));
    await using quick = await startInstance((_req, res) => void res.end("quick"));
    const first = await ensure({}, "old");
    await first.apply([routeTo([slow.target])], signal());
    await first[Symbol.asyncDispose]();
    const kept = connect(first.httpPort, "127.0.0.1");
    let received = "";
    kept.on("data", (chunk) => (received += chunk.toString("latin1")));
    kept.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    await eventually(() => slow.connections() === 1);
    await using second = await ensure({}, "new");
    expect(second.pid).not.toBe(first.pid);
    await second.apply([routeTo([quick.target])], signal());
    expect(await second.drain([slow.target.id], 20, signal())).toBe(false);
    expect((await ask(second.httpPort)).body).toBe("quick");
    release.resolve();
    expect(await second.drain([slow.target.id], 10_000, signal())).toBe(true);
    await eventually(() => received.includes("slow"));
    expect(received).toMatch(/^HTTP\/1\.1 200 [^]*Connection: close\r\n/);
    await eventually(() => records.length === 2, 10_000);
    kept.destroy();
  });
});

describe("two workers", () => {
  test("a table counts as applied only when both have it", async () => {
    await using client = await ensure({ routerWorkers: 2 });
    await client.apply([], signal());
    const [worker] = childrenOf(client.pid);
    process.kill(worker ?? 0, "SIGSTOP");
    let isApplied = false;
    const applied = client.apply([routeTo([])], signal()).then(() => (isApplied = true));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isApplied).toBe(false);
    process.kill(worker ?? 0, "SIGCONT");
    await applied;
    for (let i = 0; i < 20; i++) expect((await ask(client.httpPort)).status).toBe(503);
  });

  test("one that dies is replaced and routes by the table in force; the others serve meanwhile", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using client = await ensure({ routerWorkers: 2 });
    await client.apply([routeTo([app.target])], signal());
    const [worker] = childrenOf(client.pid);
    process.kill(worker ?? 0, "SIGKILL");
    const end = performance.now() + 10_000;
    let hasTwo = false;
    while (!hasTwo && performance.now() < end) {
      expect(await ask(client.httpPort)).toMatchObject({ status: 200, body: "ok" });
      const children = childrenOf(client.pid);
      hasTwo = children.length === 2 && !children.includes(worker ?? 0);
    }
    expect(hasTwo).toBe(true);
    await client.apply([routeTo([app.target], { host: "next.test" })], signal());
    for (let i = 0; i < 20; i++) expect((await ask(client.httpPort, { host: "next.test" })).status).toBe(200);
  });

  test("records and drains cover both", async () => {
    await using app = await startInstance((_req, res) => void setTimeout(() => res.end("ok"), 300));
    await using client = await ensure({ routerWorkers: 2 });
    await client.apply([routeTo([app.target])], signal());
    const all = Promise.all(Array.from({ length: 30 }, () => ask(client.httpPort)));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await client.drain([app.target.id], 5_000, signal())).toBe(true);
    await all;
    await eventually(() => records.length === 30);
  });
});

test("300 MB each way leave the router small", async () => {
  const block = Buffer.alloc(1024 * 1024);
  const blocks = 300;
  await using app = await startInstance((req, res) => {
    req.resume();
    req.once("end", () => {
      let left = blocks;
      const more = () => {
        while (left > 0) {
          left -= 1;
          if (!res.write(block)) return;
        }
        res.end();
      };
      res.on("drain", more);
      more();
    });
  });
  await using client = await ensure();
  await client.apply([routeTo([app.target])], signal());
  const received = await new Promise<number>((resolve, reject) => {
    let count = 0;
    const options = { host: "127.0.0.1", port: client.httpPort, method: "POST", headers: { host: "shop.test" } };
    const req = request(options, (res) => {
      res.on("data", (chunk: Buffer) => (count += chunk.length));
      res.on("end", () => resolve(count)).on("error", reject);
    });
    req.on("error", reject);
    let left = blocks;
    const more = () => {
      while (left > 0) {
        left -= 1;
        if (!req.write(block)) return;
      }
      req.end();
    };
    req.on("drain", more);
    more();
  });
  expect(received).toBe(blocks * block.length);
  const { rssBytes } = await client.status(signal());
  // What was buffered whole would be 300 MB and more; how much garbage is collected in time differs by machine.
  expect(rssBytes[0]).toBeLessThan(220 * 1024 * 1024);
});
