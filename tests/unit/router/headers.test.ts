import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  answerFields,
  endToEnd,
  fieldValues,
  type ForwardFacts,
  requestFields,
  requestIdOf,
  trailerPairs,
} from "../../../server/router/headers.ts";

const facts = (raw: string[], change: Partial<ForwardFacts> = {}): ForwardFacts => ({
  raw,
  authority: "shop.example:8080",
  method: "GET",
  clientAddress: "192.0.2.9",
  port: 8080,
  requestId: "id",
  now: 1_700_000_000_000,
  body: "none",
  expectsContinue: false,
  upgrade: undefined,
  ...change,
});

function forwarded(raw: string[], name: string, change: Partial<ForwardFacts> = {}): string[] {
  return fieldValues(requestFields(facts(raw, change)), name);
}

describe("what an instance gets", () => {
  test("the client comes last in X-Forwarded-For", () => {
    expect(forwarded(["X-Forwarded-For", "10.0.0.1"], "x-forwarded-for")).toEqual(["10.0.0.1, 192.0.2.9"]);
    expect(forwarded([], "x-forwarded-for")).toEqual(["192.0.2.9"]);
  });

  test("scheme, port, host, id and start are the router's word, not the client's", () => {
    const raw = [
      "X-Forwarded-Proto",
      "https",
      "x_forwarded_host",
      "evil",
      "X-Request-Start",
      "1",
      "Forwarded",
      "for=x",
    ];
    const fields = requestFields(facts(raw));
    expect(fieldValues(fields, "x-forwarded-proto")).toEqual(["http"]);
    expect(fieldValues(fields, "x-forwarded-host")).toEqual(["shop.example:8080"]);
    expect(fieldValues(fields, "x-forwarded-port")).toEqual(["8080"]);
    expect(fieldValues(fields, "x-request-start")).toEqual(["1700000000000"]);
    expect(fieldValues(fields, "x_forwarded_host")).toEqual([]);
    expect(fieldValues(fields, "forwarded")).toEqual([]);
  });

  test("fields that Connection names are taken away, but not those that frame or address the message", () => {
    const raw = [
      "Connection",
      "close, X-Secret, Content-Length",
      "X-Secret",
      "1",
      "Content-Length",
      "3",
      "X-Kept",
      "2",
    ];
    const fields = requestFields(facts(raw, { body: "length" }));
    expect(fieldValues(fields, "x-secret")).toEqual([]);
    expect(fieldValues(fields, "connection")).toEqual([]);
    expect(fieldValues(fields, "content-length")).toEqual(["3"]);
    expect(fieldValues(fields, "x-kept")).toEqual(["2"]);
  });

  test("Via grows", () => {
    expect(forwarded(["Via", "1.0 old"], "via")).toEqual(["1.0 old, 1.1 paas"]);
  });

  test("a POST without a body says so", () => {
    expect(forwarded([], "content-length", { method: "POST" })).toEqual(["0"]);
    expect(forwarded([], "content-length")).toEqual([]);
  });

  test("repeated fields stay repeated and in order", () => {
    expect(forwarded(["Cookie", "a=1", "X-A", "1", "cookie", "b=2"], "cookie")).toEqual(["a=1", "b=2"]);
  });

  test("there is one Host whatever came in", () => {
    expect(forwarded(["HOST", "other"], "host")).toEqual(["shop.example:8080"]);
  });
});

test("no hop-by-hop field ever gets through", () => {
  const name = fc.constantFrom(
    "Connection",
    "keep-alive",
    "TE",
    "Transfer-Encoding",
    "Upgrade",
    "Trailer",
    "X-A",
    "x-b",
  );
  const value = fc.constantFrom("x-a", "close, X-B", "chunked", "1");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (pairs) => {
      const kept = endToEnd(pairs.flat());
      const nominated = pairs
        .filter(([one]) => one === "Connection")
        .flatMap(([, one]) => one.toLowerCase().split(", "));
      for (let i = 0; i < kept.length; i += 2) {
        const lower = kept[i]?.toLowerCase() ?? "";
        expect(["x-a", "x-b"]).toContain(lower);
        expect(nominated).not.toContain(lower);
      }
    }),
  );
});

describe("what a client gets", () => {
  test("its request id, once", () => {
    const fields = answerFields({
      raw: ["X-Request-Id", "app's own"],
      requestId: "ours",
      isChunked: false,
      closes: false,
    });
    expect(fieldValues(fields, "x-request-id")).toEqual(["ours"]);
  });

  test("Trailer only where trailers can follow", () => {
    const answer = { raw: ["Trailer", "Digest"], requestId: "x", closes: false };
    expect(fieldValues(answerFields({ ...answer, isChunked: true }), "trailer")).toEqual(["Digest"]);
    expect(fieldValues(answerFields({ ...answer, isChunked: false }), "trailer")).toEqual([]);
  });

  test("every cookie", () => {
    const raw = ["Set-Cookie", "a=1", "Set-Cookie", "b=2"];
    const fields = answerFields({ raw, requestId: "x", isChunked: false, closes: false });
    expect(fieldValues(fields, "set-cookie")).toEqual(["a=1", "b=2"]);
  });
});

test("trailers that decide framing, routing or authorisation are left out", () => {
  const raw = [
    "Digest",
    "x",
    "Content-Length",
    "9",
    "transfer-encoding",
    "chunked",
    "Host",
    "h",
    "X-Forwarded-For",
    "1",
  ];
  expect(trailerPairs(raw)).toEqual([["Digest", "x"]]);
});

describe("request id", () => {
  const create = () => "made";

  test.each(["abcdefghij0123456789", "A/b+c=-----------------"])("%s is kept", (id) => {
    expect(requestIdOf(["X-Request-ID", id], create)).toBe(id);
  });

  test.each(["short", "x".repeat(201), "with space in the middle of it", 'quote"quote"quote"quote"'])(
    "%j is replaced",
    (id) => {
      expect(requestIdOf(["x-request-id", id], create)).toBe("made");
    },
  );

  test("two of them are replaced", () => {
    const id = "abcdefghij0123456789";
    expect(requestIdOf(["x-request-id", id, "x-request-id", id], create)).toBe("made");
  });
});
