import { describe, expect, test } from "vitest";
import { broken, ChunkState, scanChunks } from "../../../server/router/http1/chunks.ts";
import { TrailerReader } from "../../../server/router/http1/trailers.ts";

interface Body {
  readonly data: string;
  readonly trailers: string;
  /** Bytes that belong to it. */
  readonly length: number;
}

/** Reads a chunked body that comes in pieces of `step` bytes. */
function read(bytes: string, step: number): Body | "broken" | "incomplete" {
  const buf = Buffer.from(bytes, "latin1");
  const state = new ChunkState();
  const trailers = new TrailerReader();
  let data = "";
  for (let start = 0; start < buf.length; start += step) {
    const end = Math.min(buf.length, start + step);
    let p = start;
    if (!state.isAtTrailers) p = scanChunks(state, buf, p, end, (a, b) => (data += buf.toString("latin1", a, b)));
    if (p === broken) return "broken";
    if (!state.isAtTrailers || p === end) continue;
    const last = trailers.read(buf, p, end);
    if (last === -1) return "broken";
    if (last >= 0) return { data, trailers: trailers.lines, length: last };
  }
  return "incomplete";
}

const steps = [1, 2, 3, 7, 1_000];

test.each([
  ["0\r\n\r\n", "", ""],
  ["5\r\nhello\r\n0\r\n\r\n", "hello", ""],
  ["005\r\nhello\r\n00\r\n\r\n", "hello", ""],
  ['3;a;b=c;d="e f\\"g"\r\nabc\r\nA\r\n0123456789\r\n0;x\r\n\r\n', "abc0123456789", ""],
  ["1\r\nx\r\n0\r\nX-Sum: 1\r\nDigest:y\r\n\r\n", "x", "X-Sum: 1\r\nDigest: y\r\n"],
])("%j", (bytes, data, trailers) => {
  for (const step of steps) expect(read(`${bytes}GET`, step)).toEqual({ data, trailers, length: bytes.length });
});

test("trailers that decide routing or authorisation are left out", () => {
  const lines = "Digest: x\r\nHost: h\r\nX-Forwarded-For: 1\r\nAuthorization: a\r\nSet-Cookie: b\r\nConnection: c\r\n";
  for (const step of steps) expect(read(`0\r\n${lines}\r\n`, step)).toMatchObject({ trailers: "Digest: x\r\n" });
});

describe("broken", () => {
  test.each([
    "0x5\r\nhello\r\n",
    "5\nhello\r\n",
    "5\r\nhello\n",
    "5\r\nhelloo\r\n",
    "5 \r\nhello\r\n",
    " 5\r\nhello\r\n",
    "-5\r\nhello\r\n",
    "\r\n",
    "5;\r\nhello",
    "5; a\r\nhello",
    "5;a\t=b\r\nhello",
    "5;a=\r\nhello",
    "5;a=b c\r\nhello",
    '5;a="b\nc"\r\nhello',
    '5;a="b"c\r\nhello',
    "5\rXhello",
    "1000000000000\r\n",
    `5;${"a".repeat(2_000)}\r\nhello`,
    "0\r\nno colon\r\n\r\n",
    "0\r\nX : 1\r\n\r\n",
    "0\r\nX: 1\r\n folded\r\n\r\n",
    "0\r\nX: \0\r\n\r\n",
    "0\r\nContent-Length: 5\r\n\r\n",
    "0\r\ntransfer_encoding: chunked\r\n\r\n",
    `0\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
  ])("%j", (bytes) => {
    for (const step of steps) expect(read(bytes, step)).toBe("broken");
  });
});
