import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../../../../server/router/http2/hpack-decoder.ts";
import { headText, malformed, RequestHead } from "../../../../server/router/http2/request-head.ts";
import { field } from "../../../support/http2-frames.ts";

type Fields = readonly (readonly [string, string])[];

const base: Fields = [
  [":method", "GET"],
  [":path", "/a?b"],
  [":scheme", "https"],
  [":authority", "shop.test"],
];

function read(fields: Fields, isWhole = true, limit = 1_000): string | number {
  const block = Buffer.concat(fields.map(([name, value]) => field(name, value)));
  const head = new RequestHead();
  head.begin(limit, false);
  new HpackDecoder().decode(block, 0, block.length, head);
  const status = head.finish(isWhole);
  return status === 0 ? headText.buffer.toString("latin1", headText.start, headText.end) : status;
}

function with_(...more: Fields): Fields {
  return [...base, ...more];
}

function without(name: string, ...more: Fields): Fields {
  return [...base.filter(([one]) => one !== name), ...more];
}

describe("as HTTP/1.1", () => {
  test.each<[string, Fields, boolean, string]>([
    ["pseudo fields", base, true, ""],
    ["fields", with_(["accept", "*/*"], ["x-a", ""]), true, "accept: */*\r\nx-a: \r\n"],
    [
      "crumbs of a cookie",
      with_(["cookie", "a=1"], ["x", "y"], ["cookie", "b=2"]),
      true,
      "x: y\r\ncookie: a=1; b=2\r\n",
    ],
    ["a body of unknown length", base, false, "transfer-encoding: chunked\r\n"],
    ["a body of a length", with_(["content-length", "5"]), false, "content-length: 5\r\n"],
    ["te and a Host that says the same", with_(["te", "trailers"], ["host", "SHOP.test"]), true, ""],
    ["a field of h2c", with_(["http2-settings", "x"]), true, ""],
  ])("%s", (_name, fields, isWhole, lines) => {
    expect(read(fields, isWhole)).toBe(`GET /a?b HTTP/1.1\r\nhost: shop.test\r\n${lines}\r\n`);
  });

  test("Host alone", () => {
    const text = "GET /a?b HTTP/1.1\r\nhost: shop.test\r\n\r\n";
    expect(read(without(":authority", ["host", "shop.test"]))).toBe(text);
  });

  test("OPTIONS *", () => {
    const fields: Fields = [[":method", "OPTIONS"], [":path", "*"], ...base.slice(2)];
    expect(read(fields)).toBe("OPTIONS * HTTP/1.1\r\nhost: shop.test\r\n\r\n");
  });
});

describe("malformed", () => {
  test.each<[string, Fields]>([
    ["no method", without(":method")],
    ["no path", without(":path")],
    ["no scheme", without(":scheme")],
    ["an empty path", without(":path", [":path", ""])],
    ["a method twice", with_([":method", "GET"])],
    ["a path twice", with_([":path", "/"])],
    ["a scheme twice", with_([":scheme", "https"])],
    ["an authority twice", with_([":authority", "shop.test"])],
    ["a pseudo field behind a plain one", without(":path", ["x", "y"], [":path", "/"])],
    ["a pseudo field behind a cookie", without(":path", ["cookie", "y"], [":path", "/"])],
    ["an unknown pseudo field", with_([":protocol", "websocket"])],
    ["one of answers", with_([":status", "200"])],
    ["upper case", with_(["X-A", "b"])],
    ["a blank in a name", with_(["x a", "b"])],
    ["a colon in a name", with_(["x:a", "b"])],
    ["a line end in a name", with_(["x\r\ny", "b"])],
    ["an empty name", with_(["", "b"])],
    ["a line end in a value", with_(["x", "a\r\ny: b"])],
    ["a line feed in a value", with_(["x", "a\ny: b"])],
    ["NUL in a value", with_(["x", "a\0b"])],
    ["a blank before a value", with_(["x", " a"])],
    ["a blank behind a value", with_(["x", "a\t"])],
    ["a line end in the path", without(":path", [":path", "/ HTTP/1.1\r\nx: y"])],
    ["a line end in the authority", without(":authority", [":authority", "a\r\nx: y"])],
    ["a blank in the method", without(":method", [":method", "GET /"])],
    ["connection", with_(["connection", "close"])],
    ["keep-alive", with_(["keep-alive", "5"])],
    ["upgrade", with_(["upgrade", "websocket"])],
    ["transfer-encoding", with_(["transfer-encoding", "chunked"])],
    ["proxy-connection", with_(["proxy-connection", "close"])],
    ["te of another word", with_(["te", "gzip"])],
  ])("%s", (_name, fields) => {
    expect(read(fields)).toBe(malformed);
  });
});

describe("refused", () => {
  test.each<[string, Fields, number]>([
    [
      "CONNECT",
      [
        [":method", "CONNECT"],
        [":authority", "a:1"],
      ],
      405,
    ],
    ["a path that is none", without(":path", [":path", "a"]), 400],
    ["* of another method", without(":path", [":path", "*"]), 400],
    ["another scheme", without(":scheme", [":scheme", "ftp"]), 400],
    ["another Host", with_(["host", "other.test"]), 400],
    ["two Hosts", with_(["host", "shop.test"], ["host", "shop.test"]), 400],
    ["no host at all", without(":authority"), 400],
    ["a head that is too long", with_(["x", "y".repeat(900)], ["z", "y".repeat(100)]), 431],
    ["cookies that are too long", with_(["cookie", "y".repeat(600)], ["cookie", "y".repeat(600)]), 431],
  ])("%s", (_name, fields, status) => {
    expect(read(fields)).toBe(status);
  });
});

describe("trailers", () => {
  const trailers = (fields: Fields) => {
    const block = Buffer.concat(fields.map(([name, value]) => field(name, value)));
    const head = new RequestHead();
    head.begin(1_000, true);
    new HpackDecoder().decode(block, 0, block.length, head);
    return head.finishTrailers()?.toString("latin1");
  };

  test("are lines", () => {
    expect(
      trailers([
        ["x-sum", "1"],
        ["x-b", ""],
      ]),
    ).toBe("x-sum: 1\r\nx-b: \r\n\r\n");
  });

  test.each([":path", ":status", "connection", "X-Sum"])("have no %s", (name) => {
    expect(
      trailers([
        ["x", "y"],
        [name, "/"],
      ]),
    ).toBeUndefined();
  });
});
