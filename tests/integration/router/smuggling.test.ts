import { expect, test } from "vitest";
import { routeTo, sendRaw, startDataPath, startRawInstance } from "./harness.ts";

// What an instance saw, byte by byte, against what was sent: nothing that two readers could take differently gets there.

const host = "Host: shop.test\r\n";
const evil = `GET /smuggled HTTP/1.1\r\n${host}\r\n`;

async function seenFor(bytes: string): Promise<{ readonly seen: string; readonly answered: string }> {
  let seen = "";
  await using app = await startRawInstance((socket) => {
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
      if (/\r\n\r\n(?:[^]*0\r\n\r\n)?$/.test(seen)) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  await using router = await startDataPath([routeTo([app.target])]);
  const answered = await sendRaw(router.port, bytes, 400);
  return { seen, answered };
}

const post = (fields: string, body: string) => `POST /first HTTP/1.1\r\n${host}${fields}\r\n${body}`;

test.each([
  ["CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\nG${evil}`)],
  ["TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", `5c\r\n${evil}\r\n0\r\n\r\n`)],
  ["TE.TE with an odd one", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", `0\r\n\r\n${evil}`)],
  ["a coding with a tab before the colon", post("Transfer-Encoding\t: chunked\r\n", `0\r\n\r\n${evil}`)],
  ["a coding with a vertical tab", post("Transfer-Encoding: \u000bchunked\r\n", `0\r\n\r\n${evil}`)],
  ["a coding behind a bare LF", post("X: y\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${evil}`)],
  ["a coding behind a bare CR", post("X: y\rTransfer-Encoding: chunked\r\n", `0\r\n\r\n${evil}`)],
  ["a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", `0\r\n\r\n${evil}`)],
  ["a coding with `_`", post("Transfer_Encoding: chunked\r\n", `0\r\n\r\n${evil}`)],
  ["a coding in quotes", post('Transfer-Encoding: "chunked"\r\n', `0\r\n\r\n${evil}`)],
  ["two codings in a list", post("Transfer-Encoding: chunked, chunked\r\n", `0\r\n\r\n${evil}`)],
  ["a NUL in a name", post("Content-Length\0: 5\r\n", evil)],
  ["two lengths", post("Content-Length: 0\r\nContent-Length: 44\r\n", evil)],
  ["a length in two halves", post("Content-Length: 4 4\r\n", evil)],
  ["a length of many digits", post("Content-Length: 00000000000000000000\r\n", evil)],
  ["a length with a dot", post("Content-Length: 0.0\r\n", evil)],
  ["a second Host", `GET /first HTTP/1.1\r\n${host}Host: other.test\r\n\r\n${evil}`],
  ["a request line with two targets", `GET /first /x HTTP/1.1\r\n${host}\r\n${evil}`],
  ["a request line in a header", `GET /first HTTP/1.1\r\n${host}GET /smuggled HTTP/1.1\r\n\r\n${evil}`],
])("%s: the instance sees nothing of it", async (_name, bytes) => {
  const { seen, answered } = await seenFor(bytes);
  expect(seen).toBe("");
  expect(answered).toMatch(/^HTTP\/1\.1 (?:400|501|505) /);
  expect(answered.match(/HTTP\/1\.1 /g)).toHaveLength(1);
});

test.each([
  ["a chunk size with a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a chunk size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a chunk longer than its size", "3\r\nhello\r\n0\r\n\r\n"],
  ["a chunk that ends with LF", "5\r\nhello\n0\r\n\r\n"],
  ["a last chunk with LF", "0\n\r\n"],
  ["an extension with a bare LF", "5;a\nb\r\nhello\r\n0\r\n\r\n"],
  ["a trailer without a colon", "0\r\nsmuggled\r\n\r\n"],
  ["a trailer that is a length", "0\r\nContent-Length: 44\r\n\r\n"],
])("%s: refused, and nothing behind it is a request", async (_name, body) => {
  const { seen, answered } = await seenFor(post("Transfer-Encoding: chunked\r\n", body) + evil);
  expect(seen).not.toContain("/smuggled");
  expect(seen).not.toContain("0\r\n\r\n");
  expect(answered).toMatch(/^(?:HTTP\/1\.1 400 |$)/);
});

test("what Connection names cannot take the router's own word away", async () => {
  const names = "close, X-Forwarded-For, X-Request-Id, Host, Content-Length, Transfer-Encoding";
  const { seen } = await seenFor(`GET /first HTTP/1.1\r\n${host}Connection: ${names}\r\n\r\n`);
  expect(seen).toContain("Host: shop.test\r\n");
  expect(seen).toContain("X-Forwarded-For: 127.0.0.1\r\n");
  expect(seen).toMatch(/X-Request-Id: [0-9a-f-]{36}\r\n/);
});

test("forged fields of the router are replaced, in every spelling", async () => {
  const forged =
    "X_Forwarded_Proto: https\r\nx-forwarded-PORT: 1\r\nX-Request_Start: 5\r\nForwarded: for=evil\r\nPROXY: evil\r\n";
  const { seen } = await seenFor(`GET /first HTTP/1.1\r\n${host}${forged}\r\n`);
  expect(seen).not.toMatch(/evil|https|_/);
});
