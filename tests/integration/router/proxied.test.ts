import http2 from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import tls from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DataPath } from "../../../server/router/data-path.ts";
import type { Front } from "../../../server/router/protocol.ts";
import { encodeProxyHeader } from "../../../server/router/tcp/proxy-protocol.ts";
import { RecordBuffer } from "../../../server/router/record-buffer.ts";
import { newTicketKeys } from "../../../server/router/tls/ticket-keys.ts";
import { testCa } from "../../support/test-ca.ts";
import { type Instance, listen, routeTo, sendRaw, startDataPath, startInstance, type TestRouter } from "./harness.ts";

let instance: Instance;
let router: TestRouter;
let version = 100;

beforeAll(async () => {
  instance = await startInstance((req, res) => res.end(JSON.stringify(req.headers)));
  router = await startDataPath([]);
});
afterAll(async () => {
  await router[Symbol.asyncDispose]();
  await instance[Symbol.asyncDispose]();
});

const use = (front: Omit<Front, "workers">) =>
  router.dataPath.apply({ version: ++version, routes: [routeTo([instance.target])], front: { ...front, workers: 1 } });
const facts = { sourceAddress: "203.0.113.9", sourcePort: 4_711, destinationAddress: "192.0.2.1", destinationPort: 80 };
const plain = "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";
// The router closes the connection: only a slow machine waits for this.
const send = (bytes: string) => sendRaw(router.port, bytes, 5_000);
const headersOf = (raw: string) => JSON.parse(raw.slice(raw.indexOf("\r\n\r\n") + 4)) as Record<string, string>;

test.each(["v1", "v2"] as const)("a trusted proxy's PROXY %s header tells who the client is", async (kind) => {
  use({ trustedProxies: ["127.0.0.0/8"], proxyProtocol: true });
  const header = encodeProxyHeader(kind, facts).toString("latin1");
  expect(headersOf(await send(header + plain))["x-forwarded-for"]).toBe("203.0.113.9");
});

test("it may come byte by byte, with the request behind it", async () => {
  use({ trustedProxies: ["127.0.0.0/8"], proxyProtocol: true });
  const bytes = Buffer.concat([encodeProxyHeader("v2", facts), Buffer.from(plain)]);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect({ port: router.port, host: "127.0.0.1", noDelay: true });
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.once("close", () => resolve(text));
    let at = 0;
    const timer = setInterval(() => {
      if (at < bytes.length) socket.write(bytes.subarray(at, ++at));
      else clearInterval(timer);
    }, 1);
  });
  expect(headersOf(answer)["x-forwarded-for"]).toBe("203.0.113.9");
});

test("a trusted proxy that does not say who the client is gets no answer; others are not believed", async () => {
  use({ trustedProxies: ["127.0.0.0/8"], proxyProtocol: true });
  expect(await send(plain)).toBe("");
  use({ trustedProxies: ["10.0.0.0/8"], proxyProtocol: true });
  expect(headersOf(await send(plain))["x-forwarded-for"]).toBe("127.0.0.1");
  expect(await send(encodeProxyHeader("v1", facts).toString() + plain)).toMatch(/^HTTP\/1\.1 400 /);
});

test("the client is the last address that no trusted proxy has written", async () => {
  const forwarded = plain.replace(
    "\r\n\r\n",
    "\r\nX-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.1.1.1\r\nX-Forwarded-Proto: https\r\n\r\n",
  );
  const policy = { ipAllow: ["203.0.113.9"] };
  const table = { routes: [routeTo([instance.target], { policy })] };
  router.dataPath.apply({
    version: ++version,
    ...table,
    front: { workers: 1, trustedProxies: ["127.0.0.1", "10.0.0.0/8"], proxyProtocol: false },
  });
  const headers = headersOf(await send(forwarded));
  expect([headers["x-forwarded-for"], headers["x-forwarded-proto"]]).toEqual([
    "198.51.100.1, 203.0.113.9, 10.1.1.1, 127.0.0.1",
    "https",
  ]);
  router.dataPath.apply({ version: ++version, ...table });
  expect(await send(forwarded)).toMatch(/^HTTP\/1\.1 403 /);
});

/** A load balancer that passes bytes on behind a header; the header and the first of them leave together. */
async function startBalancer(to: number, header: Buffer) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    client.once("data", (first) => {
      upstream.write(Buffer.concat([header, first]));
      client.pipe(upstream).pipe(client);
    });
    upstream.once("close", () => client.destroy());
  });
  const port = await listen(server);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("before TLS the header is read too, for HTTP/1.1 and HTTP/2, and from trusted proxies only", async () => {
  const ca = await testCa();
  const leaf = await ca.issue(["shop.test"]);
  const certificates = [{ names: ["shop.test"], chain: leaf.cert + ca.issuer, key: leaf.key }];
  const table = (trusted: string) => ({
    version: ++version,
    routes: [routeTo([instance.target])],
    front: { workers: 1, trustedProxies: [trusted], proxyProtocol: true },
  });
  const dataPath = new DataPath({
    listen: "127.0.0.1",
    port: 0,
    tls: { port: 0, secrets: { encryption: { certificates, challenges: [] }, ticketKeys: newTicketKeys() } },
    table: table("127.0.0.0/8"),
    records: new RecordBuffer(),
  });
  const { https: port = 0 } = await dataPath.listen();
  const trust = { servername: "shop.test", ca: ca.root };
  const visit = (to: number) =>
    new Promise<string>((resolve) => {
      const socket = tls.connect({ host: "127.0.0.1", port: to, ...trust }, () => socket.write(plain));
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("error", () => {});
      socket.once("close", () => resolve(text));
    });
  const visitByHttp2 = async (to: number) => {
    const session = http2.connect(`https://127.0.0.1:${to}`, trust);
    const stream = session.request({ ":authority": "shop.test", ":path": "/" });
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    session.destroy();
    return JSON.parse(text) as Record<string, string>;
  };
  {
    await using v1 = await startBalancer(port, encodeProxyHeader("v1", facts));
    await using v2 = await startBalancer(port, encodeProxyHeader("v2", facts));
    for (const balancer of [v1, v2]) {
      const headers = headersOf(await visit(balancer.port));
      expect([headers["x-forwarded-for"], headers["x-forwarded-proto"]]).toEqual(["203.0.113.9", "https"]);
    }
    expect((await visitByHttp2(v2.port))["x-forwarded-for"]).toBe("203.0.113.9");
    expect(await visit(port)).toBe("");
    dataPath.apply(table("10.0.0.0/8"));
    expect(headersOf(await visit(port))["x-forwarded-for"]).toBe("127.0.0.1");
    expect(await visit(v1.port)).toBe("");
  }
  await dataPath.close(0);
});
