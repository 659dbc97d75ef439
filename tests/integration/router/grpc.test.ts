import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DataPath } from "../../../server/router/data-path.ts";
import type { Target } from "../../../server/router/protocol.ts";
import { RecordBuffer } from "../../../server/router/record-buffer.ts";
import { newTicketKeys } from "../../../server/router/tls/ticket-keys.ts";
import { testCa } from "../../support/test-ca.ts";
import { routeTo } from "./harness.ts";

// A gRPC server and client of other people, with the router between them: TLS in front, h2c behind.

const toBytes = (text: string) => Buffer.from(text);
const toText = (bytes: Buffer) => bytes.toString();
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/shop.Cart/${name}`,
  requestStream,
  responseStream,
  requestSerialize: toBytes,
  requestDeserialize: toText,
  responseSerialize: toBytes,
  responseDeserialize: toText,
});
const methods = {
  get: method("Get", false, false),
  watch: method("Watch", false, true),
  add: method("Add", true, false),
  chat: method("Chat", true, true),
};
type Unary = grpc.handleUnaryCall<string, string>;
type Watch = grpc.handleServerStreamingCall<string, string>;
type Add = grpc.handleClientStreamingCall<string, string>;
type Chat = grpc.handleBidiStreamingCall<string, string>;

const get: Unary = ({ request, metadata }, done) => {
  if (request === "missing") {
    const trailers = new grpc.Metadata();
    trailers.set("x-sku", "42");
    done({ code: grpc.status.NOT_FOUND, details: "no such thing: ä", metadata: trailers });
  } else if (request !== "silent") {
    const trailers = new grpc.Metadata();
    trailers.set("x-cost", "7");
    trailers.set("x-blob-bin", Buffer.from([0, 255, 1]));
    done(
      null,
      `${request} for ${String(metadata.get("x-user")[0])} from ${String(metadata.get("x-forwarded-for")[0])}`,
      trailers,
    );
  }
};
const watch: Watch = (call) => {
  if (call.request === "broken") {
    call.write("one");
    call.emit("error", { code: grpc.status.DATA_LOSS, details: "lost" });
    return;
  }
  for (let i = 0; i < 200; i++) call.write(`${i} ${"x".repeat(1_000)}`);
  call.end();
};
const add: Add = (call, done) => {
  let bytes = 0;
  call.on("data", (part: string) => (bytes += part.length));
  call.on("end", () => done(null, String(bytes)));
};
const chat: Chat = (call) => {
  call.on("data", (word: string) => call.write(word.toUpperCase()));
  call.on("end", () => call.end());
};

let server: grpc.Server;
let dataPath: DataPath;
let client: grpc.Client;

beforeAll(async () => {
  server = new grpc.Server();
  server.addService(methods, { get, watch, add, chat });
  const port = await new Promise<number>((resolve, reject) => {
    const done = (err: Error | null, bound: number) => (err === null ? resolve(bound) : reject(err));
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), done);
  });
  const target: Target = { id: "grpc", name: "web.1", host: "127.0.0.1", port };
  const ca = await testCa();
  const leaf = await ca.issue(["shop.test"]);
  const certificates = [{ names: ["shop.test"], chain: leaf.cert + ca.issuer, key: leaf.key }];
  dataPath = new DataPath({
    listen: "127.0.0.1",
    port: 0,
    tls: { port: 0, secrets: { encryption: { certificates, challenges: [] }, ticketKeys: newTicketKeys() } },
    table: {
      version: 1,
      routes: [
        routeTo([target], { policy: { protocol: "h2c" } }),
        routeTo([], { path: "/shop.Gone", state: "stopped", policy: { protocol: "h2c" } }),
      ],
    },
    records: new RecordBuffer(),
  });
  const { https } = await dataPath.listen();
  client = new grpc.Client(`127.0.0.1:${https}`, grpc.credentials.createSsl(Buffer.from(ca.root)), {
    "grpc.ssl_target_name_override": "shop.test",
    "grpc.default_authority": "shop.test",
    "grpc.enable_retries": 0,
  });
});
afterAll(async () => {
  client.close();
  await dataPath.close(0);
  server.forceShutdown();
});

interface Result {
  readonly value: string | undefined;
  readonly error: grpc.ServiceError | null;
  readonly status: grpc.StatusObject;
}

function unary(request: string, path = methods.get.path, timeoutMs = 10_000): Promise<Result> {
  return new Promise((resolve) => {
    const metadata = new grpc.Metadata();
    metadata.set("x-user", "ann");
    let answered: Pick<Result, "value" | "error"> | undefined;
    const options = { deadline: Date.now() + timeoutMs };
    const call = client.makeUnaryRequest(path, toBytes, toText, request, metadata, options, (error, value) => {
      answered = { error, value };
    });
    call.on("status", (status: grpc.StatusObject) => setImmediate(() => resolve({ ...(answered as Result), status })));
  });
}

async function streamed(call: grpc.ClientReadableStream<string>) {
  const got: string[] = [];
  const status = new Promise<grpc.StatusObject>((resolve) => call.on("status", resolve));
  call.on("error", () => {});
  call.on("data", (part: string) => got.push(part));
  return { got, status: await status };
}

test("a call has its answer, its metadata and its trailers, binary ones too", async () => {
  const { value, error, status } = await unary("book");
  expect([value, error, status.code]).toEqual(["book for ann from 127.0.0.1", null, grpc.status.OK]);
  expect(status.metadata.get("x-cost")).toEqual(["7"]);
  expect(status.metadata.get("x-blob-bin")).toEqual([Buffer.from([0, 255, 1])]);
});

test("an error is the app's own: code, words and trailers", async () => {
  const { error } = await unary("missing");
  expect([error?.code, error?.details]).toEqual([grpc.status.NOT_FOUND, "no such thing: ä"]);
  expect(error?.metadata.get("x-sku")).toEqual(["42"]);
  expect((await unary("x", "/shop.Cart/Nope")).error?.code).toBe(grpc.status.UNIMPLEMENTED);
});

test("streams go one way, the other, and both at once", async () => {
  const watched = await streamed(client.makeServerStreamRequest(methods.watch.path, toBytes, toText, "all"));
  expect([watched.got.length, watched.got.at(-1)?.slice(0, 3), watched.status.code]).toEqual([200, "199", 0]);
  const sum = await new Promise<string | undefined>((resolve, reject) => {
    const done = (err: Error | null, value?: string) => (err === null ? resolve(value) : reject(err));
    const call = client.makeClientStreamRequest(methods.add.path, toBytes, toText, done);
    for (let i = 0; i < 100; i++) call.write("x".repeat(5_000));
    call.end();
  });
  expect(sum).toBe("500000");
  const call = client.makeBidiStreamRequest(methods.chat.path, toBytes, toText);
  const words: string[] = [];
  for (const word of ["one", "two", "three"]) {
    const answer = new Promise<string>((resolve) => call.once("data", resolve));
    call.write(word);
    words.push(await answer);
  }
  call.end();
  expect(words).toEqual(["ONE", "TWO", "THREE"]);
});

test("a stream that breaks is never whole, a deadline is kept, and no instance is UNAVAILABLE", async () => {
  const broken = await streamed(client.makeServerStreamRequest(methods.watch.path, toBytes, toText, "broken"));
  expect([broken.got, broken.status.code]).toEqual([["one"], grpc.status.DATA_LOSS]);
  expect((await unary("silent", methods.get.path, 200)).error?.code).toBe(grpc.status.DEADLINE_EXCEEDED);
  expect((await unary("x", "/shop.Gone/Get")).error?.code).toBe(grpc.status.UNAVAILABLE);
  expect((await unary("after")).value).toContain("after for ann");
});
