import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataPath, type DataPathOptions } from "../../../server/router/data-path.ts";
import type { RequestRecord, TableRoute, Target } from "../../../server/router/protocol.ts";
import { newTicketKeys } from "../../../server/router/tls/ticket-keys.ts";
import { RecordBuffer } from "../../../server/router/record-buffer.ts";
import { type TestCa, testCa } from "../../support/test-ca.ts";
import { eventually, routeTo, startInstance, startRawInstance, takeRecords } from "./harness.ts";

let ca: TestCa;
let secrets: {
  readonly encryption: { certificates: { names: string[]; chain: string; key: string }[]; challenges: [] };
  readonly ticketKeys: string;
};

beforeAll(async () => {
  ca = await testCa();
  const names = ["shop.test", "*.shop.test"];
  const leaf = await ca.issue(names);
  const certificates = [{ names, chain: leaf.cert + ca.issuer, key: leaf.key }];
  secrets = { encryption: { certificates, challenges: [] }, ticketKeys: newTicketKeys() };
});

interface Front extends AsyncDisposable {
  readonly port: number;
  readonly records: readonly RequestRecord[];
  readonly dataPath: DataPath;
  connect(): ClientHttp2Session;
}

const open: ClientHttp2Session[] = [];
afterAll(() => {
  for (const session of open) session.destroy();
});

async function startFront(routes: readonly TableRoute[], policy: DataPathOptions["policy"] = {}): Promise<Front> {
  const records = new RecordBuffer();
  const taken: RequestRecord[] = [];
  const dataPath = new DataPath({
    listen: "127.0.0.1",
    port: 0,
    tls: { port: 0, secrets },
    table: { version: 1, routes },
    records,
    policy,
  });
  const { https: port = 0 } = await dataPath.listen();
  return {
    port,
    get records() {
      return takeRecords(records, taken);
    },
    dataPath,
    connect() {
      const session = connect(`https://127.0.0.1:${port}`, { servername: "shop.test", ca: ca.root });
      session.on("error", () => {});
      open.push(session);
      return session;
    },
    [Symbol.asyncDispose]: () => dataPath.close(0),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly informed: readonly number[];
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  readonly resetBy: number;
}

function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: Buffer,
  trailers?: OutgoingHttpHeaders,
) {
  return new Promise<Answer>((resolve) => {
    const stream = session.request(
      { ":authority": "shop.test", ":path": "/", ...headers },
      { endStream: body === undefined, waitForTrailers: trailers !== undefined },
    );
    const informed: number[] = [];
    const chunks: Buffer[] = [];
    let answered: IncomingHttpHeaders = {};
    let trailed: IncomingHttpHeaders = {};
    stream.on("error", () => {});
    stream.on("headers", (one) => informed.push(Number(one[":status"])));
    stream.on("response", (one) => (answered = one));
    stream.on("trailers", (one) => (trailed = one));
    stream.on("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("close", () => {
      const status = Number(answered[":status"] ?? 0);
      resolve({
        status,
        headers: answered,
        informed,
        body: Buffer.concat(chunks),
        trailers: trailed,
        resetBy: stream.rstCode,
      });
    });
    if (body !== undefined) stream.end(body);
  });
}

async function startHttp2Instance(onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target: Target = {
    id: `h2-${Math.random()}`,
    name: "web.1",
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
  };
  return {
    target,
    sessions,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("HTTP/2 from clients", () => {
  test("an instance gets what it would get by HTTP/1.1, and the client what it said", async () => {
    await using app = await startInstance((req, res) => {
      const { host, cookie, "x-forwarded-proto": proto, "x-forwarded-for": by, te } = req.headers;
      res.writeHead(201, { "Set-Cookie": ["a=1", "b=2"], "X-Said": "yes", Connection: "keep-alive" });
      res.end(JSON.stringify({ host, cookie, proto, by, te, method: req.method, url: req.url }));
    });
    await using front = await startFront([routeTo([app.target])]);
    const session = front.connect();
    const answer = await ask(session, { ":path": "/a?b", cookie: ["x=1", "y=2"], te: "trailers" });
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.body.toString())).toEqual({
      host: "shop.test",
      cookie: "x=1; y=2",
      proto: "https",
      by: "127.0.0.1",
      method: "GET",
      url: "/a?b",
    });
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(answer.headers["x-said"]).toBe("yes");
    expect(answer.headers["connection"]).toBeUndefined();
    expect(answer.headers["x-request-id"]).toMatch(/^[\w-]{20,}$/);
    await eventually(() => front.records.length === 1);
    expect(front.records[0]?.text).toMatch(
      /path="\/a\?b" host=shop\.test .*status=201 bytes=\d+ protocol=https tls_version=tls1\.3$/,
    );
  });

  test("100 requests at once over one connection, bodies both ways, none mixed up", async () => {
    await using app = await startInstance((req, res) => void req.pipe(res));
    await using front = await startFront([routeTo([app.target])]);
    const session = front.connect();
    const sent = Array.from({ length: 100 }, (_, i) => randomBytes(1 + ((i * 7919) % 90_000)));
    const answers = await Promise.all(sent.map((body) => ask(session, { ":method": "POST" }, body)));
    const digest = (body: Buffer) => createHash("sha256").update(body).digest("hex");
    expect(answers.map(({ body }) => digest(body))).toEqual(sent.map(digest));
  });

  test("trailers, interim answers, HEAD and 204 come through", async () => {
    await using app = await startInstance((req, res) => {
      if (req.method === "HEAD") {
        res.writeHead(200, { "Content-Length": "5" }).end();
        return;
      }
      if (req.url === "/none") {
        res.writeHead(204).end();
        return;
      }
      req.resume();
      req.on("end", () => {
        res.writeEarlyHints({ link: "</a.css>; rel=preload" });
        res.writeHead(200, { Trailer: "X-Sum" });
        res.write("body");
        res.addTrailers({ "X-Sum": `got ${req.trailers["x-part"]}` });
        res.end();
      });
    });
    await using front = await startFront([routeTo([app.target])]);
    const session = front.connect();
    const answer = await ask(session, { ":method": "POST" }, Buffer.from("hello"), { "x-part": "42" });
    expect(answer).toMatchObject({ status: 200, informed: [103] });
    expect(answer.trailers["x-sum"]).toBe("got 42");
    expect(await ask(session, { ":method": "HEAD" })).toMatchObject({
      status: 200,
      headers: { "content-length": "5" },
    });
    expect((await ask(session, { ":path": "/none" })).status).toBe(204);
  });

  test("an upload waits for a slow instance instead of filling the router", async () => {
    let taken = 0;
    const resume = Promise.withResolvers<void>();
    await using app = await startInstance((req, res) => {
      req.pause();
      void resume.promise.then(() => {
        req.on("data", (chunk: Buffer) => (taken += chunk.length));
        req.on("end", () => res.end(String(taken)));
        req.resume();
      });
    });
    await using front = await startFront([routeTo([app.target])]);
    const stream = front.connect().request({ ":authority": "shop.test", ":path": "/", ":method": "POST" });
    stream.on("error", () => {});
    const chunk = Buffer.alloc(1_000_000);
    let written = 0;
    const pump = () => {
      for (let isTaking = true; isTaking && written < 60; written++) isTaking = stream.write(chunk);
    };
    stream.on("drain", pump);
    pump();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(written).toBeLessThan(30);
    stream.removeListener("drain", pump);
    resume.resolve();
    stream.end();
    let text = "";
    stream.on("data", (part: Buffer) => (text += part.toString()));
    await once(stream, "end");
    expect(Number(text)).toBe(written * chunk.length);
  });

  test("a cut answer is reset, never ended as if it were whole; the connection goes on", async () => {
    await using raw = await startRawInstance((socket) => {
      socket.once("data", (request) => {
        const isLong = request.toString().startsWith("GET /length");
        const framing = isLong ? "Content-Length: 100\r\n\r\nhalf" : "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
        socket.write(`HTTP/1.1 200 OK\r\n${framing}`);
        setTimeout(() => socket.destroy(), 50);
      });
    });
    await using front = await startFront([routeTo([raw.target])]);
    const session = front.connect();
    for (const path of ["/length", "/chunks"]) {
      const answer = await ask(session, { ":path": path });
      expect(answer).toMatchObject({ status: 200, resetBy: constants.NGHTTP2_INTERNAL_ERROR });
    }
    expect((await ask(session, { ":authority": "nobody.test" })).status).toBe(404);
  });

  test("a stream that the client resets frees its instance, and is logged as that", async () => {
    let closed = 0;
    await using app = await startInstance((req) => void req.socket.once("close", () => (closed += 1)));
    await using front = await startFront([routeTo([app.target])]);
    const stream = front.connect().request({ ":authority": "shop.test", ":path": "/" });
    stream.on("error", () => {});
    await eventually(() => Object.values(front.dataPath.status().inFlight).includes(1));
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => closed === 1 && front.records.length === 1);
    expect(front.records[0]?.text).toContain("code=H27");
  });

  test("what no HTTP/1.1 request could say is refused", async () => {
    await using app = await startInstance((_req, res) => void res.end("reached"));
    await using front = await startFront([routeTo([app.target])]);
    const session = front.connect();
    const refused: readonly OutgoingHttpHeaders[] = [
      { ":path": "http://other.test/" },
      { ":path": "/a b" },
      { ":scheme": "ftp" },
      { host: "other.test" },
      { ":authority": "a b" },
      { expect: "the-unexpected" },
      { "x-long": "a".repeat(70_000) },
    ];
    for (const headers of refused) {
      const { status } = await ask(session, headers).catch(() => ({ status: 0 }));
      expect([0, 400, 417, 431]).toContain(status);
    }
    const fresh = front.connect();
    expect((await ask(fresh)).body.toString()).toBe("reached");
  });

  test("a connection that its client has ended is not kept", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using front = await startFront([routeTo([app.target])]);
    const socket = tls.connect({
      host: "127.0.0.1",
      port: front.port,
      servername: "shop.test",
      ca: ca.root,
      ALPNProtocols: ["h2"],
    });
    const session = connect("https://shop.test", { createConnection: () => socket });
    session.on("error", () => {});
    expect((await ask(session)).body.toString()).toBe("ok");
    const ended = once(socket, "close");
    socket.end();
    await ended;
  });

  test("a worker that ends lets requests end, and tells the client to take another connection", async () => {
    await using app = await startInstance((_req, res) => void setTimeout(() => res.end("late"), 400));
    const front = await startFront([routeTo([app.target])]);
    const session = front.connect();
    const answer = ask(session);
    await eventually(() => Object.values(front.dataPath.status().inFlight).includes(1));
    const gone = once(session, "goaway");
    const closed = front.dataPath.close(10_000);
    expect((await answer).body.toString()).toBe("late");
    await gone;
    await closed;
  });
});

describe("HTTP/2 to instances", () => {
  const h2c = (target: Target): TableRoute => routeTo([target], { policy: { protocol: "h2c" } });

  test("a call as gRPC makes it: te, a streamed body, status in the trailers; one connection for all calls", async () => {
    await using app = await startHttp2Instance((stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        stream.respond(
          { ":status": 200, "content-type": "application/grpc", "x-te": headers.te ?? "none" },
          { waitForTrailers: true },
        );
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
        stream.end(Buffer.concat(chunks));
      });
    });
    await using front = await startFront([h2c(app.target)]);
    const session = front.connect();
    const message = Buffer.from([0, 0, 0, 0, 3, 1, 2, 3]);
    const call = () =>
      ask(
        session,
        { ":method": "POST", ":path": "/shop.Cart/Add", "content-type": "application/grpc", te: "trailers" },
        message,
      );
    const answers = await Promise.all(Array.from({ length: 30 }, call));
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 200,
        body: message,
        headers: { "x-te": "trailers", "content-type": "application/grpc", via: "2.0 paas" },
      });
      expect(answer.trailers).toMatchObject({ "grpc-status": "0", "grpc-message": "fine" });
    }
    expect(app.sessions.size).toBe(1);
  });

  test("one instance is asked for by its header, as by HTTP/1.1", async () => {
    const say = (name: string) => startInstance((req, res) => void res.end(JSON.stringify({ name, ...req.headers })));
    await using one = await say("one");
    await using two = await say("two");
    const targets = [one.target, two.target].map((target, i) => ({ ...target, name: `web.${i + 1}` }));
    await using front = await startFront([routeTo(targets)]);
    const session = front.connect();
    for (const [index, name] of [
      [1, "two"],
      [0, "one"],
      [1, "two"],
    ] as const) {
      const answer = await ask(session, { "x-cf-app-instance": `shop:${index}` });
      const seen = JSON.parse(answer.body.toString()) as Record<string, string>;
      expect([seen["name"], seen["x-cf-app-instance"], seen["via"]]).toEqual([name, undefined, "2.0 paas"]);
    }
    expect((await ask(session, { "x-cf-app-instance": "shop:5" })).headers["x-paas-error"]).toBe("unknown_instance");
  });

  test("an answer of trailers only, and a stream both ways at once", async () => {
    await using app = await startHttp2Instance((stream, headers) => {
      if (headers[":path"] === "/fail") {
        stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" }, { endStream: true });
        return;
      }
      stream.respond({ ":status": 200 });
      stream.on("data", (chunk: Buffer) => stream.write(`<${chunk.toString()}>`));
      stream.on("end", () => stream.end());
    });
    await using front = await startFront([h2c(app.target)]);
    const session = front.connect();
    expect(await ask(session, { ":path": "/fail" })).toMatchObject({ status: 200, headers: { "grpc-status": "5" } });
    const stream = session.request({ ":authority": "shop.test", ":path": "/chat", ":method": "POST" });
    let heard = "";
    stream.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    for (const word of ["one", "two", "three"]) {
      stream.write(word);
      await eventually(() => heard.endsWith(`<${word}>`));
    }
    stream.end();
    await once(stream, "end");
    expect(heard).toBe("<one><two><three>");
  });

  test("an instance that refuses connections, and one that dies, are told apart", async () => {
    const app = await startHttp2Instance((stream) => void setTimeout(() => stream.session?.destroy(), 20));
    await using front = await startFront([h2c(app.target)]);
    const session = front.connect();
    expect(await ask(session)).toMatchObject({ status: 503 });
    await eventually(() => front.records.length === 1);
    expect(front.records[0]?.text).toContain("code=H13");
    await app[Symbol.asyncDispose]();
    expect((await ask(session)).status).toBe(503);
    await eventually(() => front.records.length === 2);
    expect(front.records[1]?.text).toContain("code=H21");
  });
});

describe("TLS", () => {
  test("sessions are resumed, at another worker too, until the keys change", async () => {
    await using app = await startInstance((_req, res) => void res.end("ok"));
    await using one = await startFront([routeTo([app.target])]);
    await using two = await startFront([routeTo([app.target])]);
    const handshake = (port: number, session?: Buffer) =>
      new Promise<{ reused: boolean; session: Buffer | undefined }>((resolve, reject) => {
        const socket = tls.connect({
          host: "127.0.0.1",
          port,
          servername: "shop.test",
          ca: ca.root,
          session,
          ALPNProtocols: ["http/1.1"],
        });
        let ticket: Buffer | undefined;
        socket.on("session", (one) => (ticket = one));
        socket.once("secureConnect", () => socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"));
        socket.once("data", () => {
          resolve({ reused: socket.isSessionReused(), session: ticket });
          socket.destroy();
        });
        socket.once("error", reject);
      });
    const first = await handshake(one.port);
    expect(first.reused).toBe(false);
    expect((await handshake(two.port, first.session)).reused).toBe(true);
    one.dataPath.encrypt({ ...secrets, ticketKeys: newTicketKeys() });
    expect((await handshake(one.port, first.session)).reused).toBe(false);
  });

  test("TLS 1.1 is not spoken, and a client that never finishes its handshake is not waited for", async () => {
    await using front = await startFront([routeTo([])], { headTimeoutMs: 300 });
    const old = tls.connect({
      host: "127.0.0.1",
      port: front.port,
      servername: "shop.test",
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1",
      ciphers: "DEFAULT@SECLEVEL=0",
      rejectUnauthorized: false,
    });
    await expect(once(old, "secureConnect")).rejects.toThrow(/alert|version|protocol|disconnected/i);
    const { connect: dial } = await import("node:net");
    const silent = dial(front.port, "127.0.0.1");
    silent.on("error", () => {});
    await once(silent, "close");
  });
});
