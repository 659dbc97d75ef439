import fc from "fast-check";
import { expect, test } from "vitest";
import { renderFailure } from "../../../server/router/failures.ts";
import { type LoggedRequest, requestLine } from "../../../server/router/request-line.ts";

const facts: LoggedRequest = {
  method: "GET",
  target: "/p?q=1",
  host: "shop.example",
  requestId: "b6c1a2c4-3d49-4f9f-9f3b-1f1f7f0a7a11",
  forwardedFor: "192.0.2.9",
  dyno: "web.1",
  connectMs: 1,
  serviceMs: 18,
  status: 200,
  bytes: 13,
  protocol: "http",
  tlsVersion: undefined,
  code: undefined,
};

test("one that came by TLS says by which", () => {
  const line = requestLine({ ...facts, protocol: "https", tlsVersion: "tls1.3" });
  expect(line).toContain(" bytes=13 protocol=https tls_version=tls1.3");
});

test("an answered request reads as Heroku writes it", () => {
  expect(requestLine(facts)).toBe(
    'at=info method=GET path="/p?q=1" host=shop.example request_id=b6c1a2c4-3d49-4f9f-9f3b-1f1f7f0a7a11 fwd="192.0.2.9" dyno=web.1 connect=1ms service=18ms status=200 bytes=13 protocol=http',
  );
});

test("a request without an instance leaves its fields empty", () => {
  const none = { dyno: undefined, connectMs: undefined, serviceMs: undefined, bytes: undefined };
  expect(requestLine({ ...facts, ...none, status: 503, code: "H14" })).toContain(
    'at=error code=H14 desc="No web processes running" method=GET',
  );
  expect(requestLine({ ...facts, ...none, status: 503, code: "H14" })).toContain(
    " dyno= connect= service= status=503 bytes= protocol=http",
  );
});

test("who ended it is said where it matters", () => {
  expect(requestLine({ ...facts, status: 499, code: "H27" })).toContain(
    'at=warning code=H27 desc="Client Request Interrupted" sock=client method=GET',
  );
});

const linePattern =
  /^at=info method=\S+ path="((?:[^"\\]|\\.)*)" host=\S* request_id=\S* fwd="((?:[^"\\]|\\.)*)" dyno=\S* connect=\d+ms service=\d+ms status=200 bytes=13 protocol=http$/;

test("no value can forge a line or a field", () => {
  const nasty = fc.string({
    unit: fc.constantFrom('"', "\\", "\n", "\r", " ", "=", "\u0000", "\u0085", "\u2028", "a"),
  });
  fc.assert(
    fc.property(nasty, nasty, nasty, (path, host, forwardedFor) => {
      const line = requestLine({ ...facts, target: path, host, forwardedFor });
      expect(line).toMatch(linePattern);
      expect(line).toMatch(/^[\u0020-\u007e]*$/);
    }),
    { numRuns: 1_000 },
  );
});

test("a very long path is cut", () => {
  expect(requestLine({ ...facts, target: `/${"a".repeat(60_000)}` }).length).toBeLessThan(9_000);
  expect(requestLine({ ...facts, target: `/${"a".repeat(60_000)}` })).toContain('a..." host=');
});

test.each([
  ["application/json", "application/json"],
  ["application/problem+json", "application/json"],
  ["text/html,application/json", "text/html; charset=utf-8"],
  ["*/*", "text/html; charset=utf-8"],
  ["", "text/html; charset=utf-8"],
])("Accept %j is answered with %s", (accept, type) => {
  const answer = renderFailure("H14", "some-id", accept);
  expect(answer.headers.join("|")).toContain(`Content-Type|${type}|Content-Length|${answer.body.length}|`);
  expect(answer.headers.join("|")).toContain("X-Paas-Error|H14");
});
