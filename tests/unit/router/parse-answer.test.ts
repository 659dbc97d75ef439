import { describe, expect, test } from "vitest";
import { head } from "../../../server/router/http1/head.ts";
import { parseAnswer } from "../../../server/router/http1/parse-answer.ts";

const out = Buffer.alloc(10_000);

function parse(bytes: string): number {
  const buf = Buffer.from(bytes, "latin1");
  return parseAnswer(buf, 0, buf.length, out, 0, 100);
}

/** Status line and fields as the client gets them. */
function passed(bytes: string): string {
  expect(parse(bytes)).toBe(bytes.length);
  return out.toString("latin1", 0, head.out);
}

const ok = "HTTP/1.1 200 OK\r\n";

test("an answer goes on as it is, without what belongs to one connection", () => {
  const hops = "Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=7, max=5\r\nX-Request-Id: own\r\n";
  expect(passed(`${ok}Set-Cookie: a=1\r\n${hops}Set-Cookie: b=2\r\nx-CASE:\u00e9\r\nX-Empty:\r\n\r\n`)).toBe(
    `${ok}Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nx-CASE: \u00e9\r\nX-Empty: \r\n`,
  );
  expect(head).toMatchObject({ status: 200, keepsAlive: true, closes: false, keepAliveSeconds: 7 });
});

test.each([
  ["HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"],
  ["HTTP/1.0 200 \r\n\r\n", "HTTP/1.1 200 \r\n"],
  ["HTTP/1.1 299\r\n\r\n", "HTTP/1.1 299 \r\n"],
])("%j begins with %j", (bytes, line) => {
  expect(passed(bytes)).toBe(line);
});

test("Trailer only where trailers can follow", () => {
  expect(passed(`${ok}Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n`)).toBe(`${ok}Trailer: X\r\n`);
  expect(passed(`${ok}Trailer: X\r\nContent-Length: 1\r\n\r\n`)).toBe(`${ok}Content-Length: 1\r\n`);
});

test("where there can be no body there is no length", () => {
  expect(passed("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX: 1\r\n\r\n")).toBe(
    "HTTP/1.1 204 No Content\r\nX: 1\r\n",
  );
  expect(head.length).toBe(-1);
  expect(passed("HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n");
  expect(head.length).toBe(-1);
});

describe("refused", () => {
  test.each([
    "hello\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1 200 O\rK\r\n\r\n",
    "HTTP/1.1 200 OK\nX: 1\n\n",
    `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`,
    `${ok}Content-Length: +5\r\n\r\n`,
    `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    `${ok}Transfer-Encoding: chunked\t\r\n\r\n`,
    `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 104 Later\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
    `${ok}X-A: 1\r\n folded\r\n\r\n`,
    `${ok}X-A : 1\r\n\r\n`,
    `${ok}X-A: \0\r\n\r\n`,
    ok + "X: 1\r\n".repeat(101) + "\r\n",
  ])("%j", (bytes) => {
    expect(parse(bytes)).toBe(-1);
  });
});

test("every beginning of a head is incomplete", () => {
  const whole = `${ok}Content-Length: 3\r\nX-A: 1\r\n\r\n`;
  for (let length = 0; length < whole.length; length++) expect(parse(whole.slice(0, length))).toBe(0);
});
