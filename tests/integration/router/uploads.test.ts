import { createHash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Instance, routeTo, startDataPath, startInstance, startSecureDataPath } from "./harness.ts";

const hashOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** Says which bytes it got; slowly where the path asks for it. */
function startHasher(): Promise<Instance> {
  return startInstance((req, res) => {
    const hash = createHash("sha256");
    req.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      if (req.url !== "/slow") return;
      req.pause();
      setTimeout(() => req.resume(), 2);
    });
    req.once("end", () => res.end(hash.digest("hex")));
  });
}

/** Sends all in pieces of random sizes and answers what came back until the connection ended. */
async function exchange(socket: Socket, pieces: readonly Buffer[]): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  for (const piece of pieces) {
    if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
  }
  await closed;
  return text;
}

function head(path: string, length: number, isLast: boolean): Buffer {
  const end = isLast ? "Connection: close\r\n" : "";
  return Buffer.from(`POST ${path} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${length}\r\n${end}\r\n`);
}

const ways = [
  { by: "plain", path: "/fast" },
  { by: "plain", path: "/slow" },
  { by: "TLS", path: "/fast" },
  { by: "TLS", path: "/slow" },
];

test.each(ways)("large uploads over a $by connection arrive byte by byte: $path", async ({ by, path }) => {
  await using app = await startHasher();
  await using router = await (by === "TLS" ? startSecureDataPath : startDataPath)([routeTo([app.target])]);
  const open = (): Socket =>
    by === "TLS"
      ? connectSecurely({ port: router.port, servername: "shop.test", rejectUnauthorized: false })
      : connect(router.port, "127.0.0.1");
  const upload = async (): Promise<void> => {
    const bodies = [900_000, 20_000, 40_000, 300_000].map((length) => randomBytes(length));
    const all = Buffer.concat(bodies.flatMap((body, i) => [head(path, body.length, i === 3), body]));
    const pieces: Buffer[] = [];
    // One behind the other on a connection: the end of one and the next head come in one piece.
    for (let at = 0; at < all.length; ) {
      const size = [1, 700, 20_000, 65_536, 200_000][pieces.length % 5] as number;
      pieces.push(all.subarray(at, at + size));
      at += size;
    }
    const text = await exchange(open(), pieces);
    expect(text.match(/[0-9a-f]{64}/g)).toEqual(bodies.map(hashOf));
  };
  await Promise.all(Array.from({ length: 8 }, upload));
});

test("an answer before the end of the upload is read, and the next request on the connection is served", async () => {
  await using app = await startInstance((req, res) => {
    if (req.method === "POST") res.writeHead(413, { "Content-Length": 0 }).end();
    else res.end("next");
    req.resume();
  });
  await using router = await startDataPath([routeTo([app.target])]);
  const rest = Buffer.from("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
  const pieces = [head("/", 2_000_000, false), Buffer.alloc(2_000_000, "x"), rest];
  const texts = await Promise.all(Array.from({ length: 8 }, () => exchange(connect(router.port, "127.0.0.1"), pieces)));
  for (const text of texts)
    expect(text.match(/HTTP\/1\.1 \d+|next$/g)).toEqual(["HTTP/1.1 413", "HTTP/1.1 200", "next"]);
});

test.each([
  { what: "passed on", status: 200 },
  { what: "refused by the instance", status: 413 },
])("the memory of an upload that is $what does not wait for a collection", async ({ status }) => {
  await using app = await startInstance((req, res) => {
    if (status !== 200) res.writeHead(status, { "Content-Length": 0 }).end();
    req.resume().once("end", () => res.end("ok"));
  });
  await using router = await startDataPath([routeTo([app.target])]);
  let given = 0;
  const transfer = Reflect.get(ArrayBuffer.prototype, "transfer");
  const spy = vi.spyOn(ArrayBuffer.prototype, "transfer").mockImplementation(function (this: ArrayBuffer, length) {
    given += this.byteLength;
    return Reflect.apply(transfer, this, [length]);
  });
  onTestFinished(() => spy.mockRestore());
  const length = 20_000_000;
  const text = await exchange(connect(router.port, "127.0.0.1"), [head("/", length, true), Buffer.alloc(length, "x")]);
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status}`));
  // Not what had to wait for the instance.
  expect(given).toBeGreaterThan(0.5 * length);
});
