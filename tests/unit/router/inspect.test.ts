import { describe, expect, test } from "vitest";
import { inspect, type RequestHead } from "../../../server/router/inspect.ts";

const head = (raw: string[], change: Partial<RequestHead> = {}): RequestHead => ({
  method: "GET",
  target: "/",
  httpVersion: "1.1",
  raw,
  ...change,
});

function accepted(one: RequestHead) {
  const result = inspect(one, 100);
  if (!result.ok) throw new Error(`refused: ${result.cause}`);
  return result.request;
}

function refusal(one: RequestHead): number | undefined {
  const result = inspect(one, 100);
  return result.ok ? undefined : result.status;
}

describe("where a request goes", () => {
  test("to the Host field's host", () => {
    expect(accepted(head(["Host", "Shop.Example:80"]))).toMatchObject({
      host: "shop.example",
      authority: "Shop.Example:80",
    });
  });

  test("to the host of an absolute target, whatever the field says", () => {
    const one = head(["Host", "other.example"], { target: "http://shop.example/a?b" });
    expect(accepted(one)).toMatchObject({ host: "shop.example", authority: "shop.example", target: "/a?b" });
  });

  test.each([
    ["http://shop.example", "/"],
    ["http://shop.example?x", "/?x"],
  ])("the path of %s is %s", (target, expected) => {
    expect(accepted(head(["Host", "h"], { target })).target).toBe(expected);
  });

  test.each([
    ["no Host", head([])],
    ["two Hosts", head(["Host", "a", "host", "a"])],
    ["an empty Host", head(["Host", ""])],
    ["a Host with a space", head(["Host", "a b"])],
    ["a target with user information", head(["Host", "a"], { target: "http://u@shop.example/" })],
    ["a target of another scheme", head(["Host", "a"], { target: "ftp://shop.example/" })],
    ["an asterisk with GET", head(["Host", "a"], { target: "*" })],
  ])("%s is refused", (_name, one) => {
    expect(refusal(one)).toBe(400);
  });
});

describe("where a request ends", () => {
  test("replayable is only what is safe and has no body", () => {
    expect(accepted(head(["Host", "a"])).isReplayable).toBe(true);
    expect(accepted(head(["Host", "a", "Content-Length", "1"])).isReplayable).toBe(false);
    expect(accepted(head(["Host", "a"], { method: "DELETE" })).isReplayable).toBe(false);
  });

  test.each([
    [["Content-Length", "0"], "none"],
    [["Content-Length", "5"], "length"],
    [["Transfer-Encoding", "Chunked"], "chunked"],
  ])("%j is %s", (fields, framing) => {
    expect(accepted(head(["Host", "a", ...fields])).body).toBe(framing);
  });

  test.each([
    [["Content-Length", "1", "Transfer-Encoding", "chunked"], 400],
    [["Content-Length", "1", "Content-Length", "1"], 400],
    [["Content-Length", "+1"], 400],
    [["Content-Length", "1, 1"], 400],
    [["Transfer-Encoding", "gzip, chunked"], 501],
    [["Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"], 501],
    [["Transfer-Encoding", "identity"], 501],
  ])("%j is refused", (fields, status) => {
    expect(refusal(head(["Host", "a", ...fields]))).toBe(status);
  });

  test("HTTP/1.0 has no transfer codings", () => {
    expect(refusal(head(["Host", "a", "Transfer-Encoding", "chunked"], { httpVersion: "1.0" }))).toBe(400);
  });
});

test("too many fields are refused, not dropped", () => {
  expect(refusal(head(["Host", "a", ...Array.from({ length: 200 }, () => "x")]))).toBe(431);
});

test.each(["0.9", "2.0"])("HTTP/%s is refused", (httpVersion) => {
  expect(refusal(head(["Host", "a"], { httpVersion }))).toBe(505);
});
