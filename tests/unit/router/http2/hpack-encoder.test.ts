import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../../../../server/router/http2/hpack-decoder.ts";
import { HpackEncoder } from "../../../../server/router/http2/hpack-encoder.ts";
import { decode, encode, type Fields } from "./hpack-fields.ts";

const page: Fields = [
  ["Server", "nginx"],
  ["Content-Type", "text/html; charset=utf-8"],
  ["X-Own", "the same each time"],
];

function lower(fields: Fields): Fields {
  return fields.map(([name, value]) => [name.toLowerCase(), value]);
}

describe("fields", () => {
  test("what is said for the third time takes a byte", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
    const blocks = [1, 2, 3].map(() => encode(encoder, 200, page));
    expect(blocks.map((block) => decode(decoder, block))).toEqual(
      Array.from({ length: 3 }, () => [[":status", "200"], ...lower(page)]),
    );
    expect(blocks[2]).toHaveLength(1 + page.length);
  });

  test("another value of a field that was said takes no name", () => {
    const encoder = new HpackEncoder();
    const with_ = (id: string) => encode(encoder, 200, [["X-Request-Id", id]]);
    with_("0123456789");
    expect(with_("9876543210")).toHaveLength(1 + 2 + 1 + 10);
  });

  test("secrets are in no table, and marked as such for proxies behind", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
    const secrets: Fields = [["Set-Cookie", "session=secret"]];
    const blocks = [1, 2, 3].map(() => encode(encoder, 200, secrets));
    // Never indexed, name 55.
    for (const block of blocks) expect(block.subarray(1, 3)).toEqual(Buffer.from([0x1f, 55 - 15]));
    expect(decode(decoder, blocks[2] as Buffer)).toEqual([[":status", "200"], ...lower(secrets)]);
  });

  test("what is new each time pushes nothing out", () => {
    const encoder = new HpackEncoder();
    for (let i = 0; i < 3; i++) encode(encoder, 200, page);
    for (let i = 0; i < 1_000; i++) {
      encode(encoder, 200, [
        ["Content-Length", String(i % 2)],
        ["ETag", `"${i % 2}"`],
        ["X-Own", `value ${i}`],
      ]);
    }
    expect(encode(encoder, 200, page)).toHaveLength(1 + page.length);
  });

  test("those of one connection are left out", () => {
    const fields: Fields = ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Proxy-Connection", "TE"].map(
      (name) => [name, "x"],
    );
    const block = encode(new HpackEncoder(), 404, fields);
    expect(decode(new HpackDecoder(), block)).toEqual([[":status", "404"]]);
  });

  test("blanks around a value are none of it", () => {
    const block = encode(new HpackEncoder(), 200, [["X-A", "  b \t"]]);
    expect(decode(new HpackDecoder(), block)).toEqual([
      [":status", "200"],
      ["x-a", "b"],
    ]);
  });
});

test("a peer that wants a small table gets one, and is told so first", () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
  for (let i = 0; i < 3; i++) decode(decoder, encode(encoder, 200, page));
  encoder.limit(0);
  encoder.limit(100_000);
  const block = encode(encoder, 200, page);
  // 0, then what is in force from now on.
  expect(block.subarray(0, 4)).toEqual(Buffer.from([0x20, 0x3f, 0xe1, 0x1f]));
  expect(decode(decoder, block)).toEqual([[":status", "200"], ...lower(page)]);
});

test("whatever is encoded is decoded to the same, over many answers", () => {
  const name = fc.oneof(
    fc.constantFrom("date", "server", "cache-control", "set-cookie", "x-a", "x-b", "content-type"),
    fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,40}$/),
  );
  const value = fc.oneof(fc.constantFrom("", "a", "b", "no-cache"), fc.stringMatching(/^(?:[!-~\x80-\xff]{0,300})$/));
  const answers = fc.array(
    fc.record({
      status: fc.constantFrom(200, 204, 302, 404, 500, 599),
      fields: fc.array(fc.tuple(name, value), { maxLength: 12 }),
      limit: fc.option(fc.constantFrom(0, 64, 200, 4_096, 65_536), { freq: 10 }),
    }),
    { maxLength: 30 },
  );
  const isOfConnection = new Set(["connection", "keep-alive", "upgrade", "te"]);
  const check = fc.property(answers, (all) => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
    for (const { status, fields, limit } of all) {
      if (limit !== null) encoder.limit(limit);
      const expected = fields.filter(([one]) => !isOfConnection.has(one));
      expect(decode(decoder, encode(encoder, status, fields))).toEqual([[":status", String(status)], ...expected]);
    }
  });
  fc.assert(check, { numRuns: 500, interruptAfterTimeLimit: 1_000 });
});
