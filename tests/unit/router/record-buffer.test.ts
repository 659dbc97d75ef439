import fc from "fast-check";
import { expect, test } from "vitest";
import { RequestId } from "../../../server/router/http1/request-id.ts";
import { unpackRecords } from "../../../server/router/packed-records.ts";
import { RecordBuffer, type RecordedRequest } from "../../../server/router/record-buffer.ts";
import type { RequestOutcome } from "../../../server/router/request-line.ts";

const at = 1_790_000_000_000;
const outcome: RequestOutcome = {
  dyno: "web.1",
  connectMs: 1.2,
  serviceMs: 17.8,
  status: 200,
  bytes: 13,
  code: undefined,
};

function request(target: string, more: Partial<RecordedRequest> = {}): RecordedRequest {
  const targetBytes = Buffer.from(`GET ${target} HTTP/1.1`, "latin1");
  const id = new RequestId();
  id.renew();
  return {
    method: "GET",
    targetBytes,
    targetStart: 4,
    targetEnd: targetBytes.length - 9,
    host: "shop.example",
    id,
    forwardedFor: "192.0.2.9",
    protocol: "http",
    tlsVersion: undefined,
    ...more,
  };
}

const put = (buffer: RecordBuffer, target: string) => buffer.add("shop", at, request(target), outcome);

/** Paths of all that is there, in their order, and how many were lost before. */
function drain(buffer: RecordBuffer): { readonly paths: readonly string[]; readonly lost: number } {
  const paths: string[] = [];
  let lost = 0;
  for (const { packed, dropped } of buffer.drain()) {
    paths.push(...unpackRecords(packed).map((one) => /path="([^"]*)"/.exec(one.text)?.[1] ?? ""));
    lost += dropped;
  }
  return { paths, lost };
}

test("a record becomes Heroku's line, with the id that instance and client were told", () => {
  const buffer = new RecordBuffer();
  const id = new RequestId();
  id.renew();
  buffer.add("shop", at, request("/p?q=1", { id, protocol: "https", tlsVersion: "tls1.3" }), outcome);
  expect(unpackRecords(buffer.peek()?.packed ?? neverPacked)).toEqual([
    {
      at,
      app: "shop",
      text: `at=info method=GET path="/p?q=1" host=shop.example request_id=${id.toString()} fwd="192.0.2.9" dyno=web.1 connect=1ms service=18ms status=200 bytes=13 protocol=https tls_version=tls1.3`,
    },
  ]);
});

const neverPacked = { count: 0, base: 0, words: "", texts: [] };
const name = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom("a", "b", "-", "7") });
const ms = fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined });
const logged = fc.record({
  app: name,
  after: fc.integer({ min: -5_000, max: 5_000_000_000 }),
  path: name,
  method: fc.constantFrom("GET", "POST"),
  host: name,
  given: fc.option(fc.constantFrom("01234567890123456789", "abcdefghijabcdefghij"), { nil: undefined }),
  forwardedFor: name,
  dyno: fc.option(name, { nil: undefined }),
  connectMs: ms,
  serviceMs: ms,
  status: fc.integer({ min: 100, max: 599 }),
  bytes: fc.option(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
  code: fc.constantFrom(undefined, "blocked", "H12"),
});

test("whatever stands in a record comes out of it, whatever others stand beside it", () => {
  fc.assert(
    fc.property(fc.array(logged, { minLength: 1, maxLength: 40 }), (all) => {
      const buffer = new RecordBuffer();
      const ids: string[] = [];
      for (const one of all) {
        const id = new RequestId();
        const given = Buffer.from(one.given ?? "", "latin1");
        if (!id.take(given, 0, given.length)) id.renew();
        ids.push(id.toString());
        buffer.add(one.app, at + one.after, request(`/${one.path}`, { ...one, id }), one);
      }
      const records = [...buffer.drain()].flatMap(({ packed }) => unpackRecords(packed));
      expect(records.map((one) => ({ ...one, text: one.text.replace(/^at=.* method/, "method") }))).toEqual(
        all.map((one, i) => ({
          at: at + one.after,
          app: one.app,
          text: `method=${one.method} path="/${one.path}" host=${one.host} request_id=${ids[i] ?? ""} fwd="${one.forwardedFor}" dyno=${one.dyno ?? ""} connect=${one.connectMs === undefined ? "" : `${one.connectMs}ms`} service=${one.serviceMs === undefined ? "" : `${one.serviceMs}ms`} status=${one.status} bytes=${one.bytes ?? ""} protocol=http`,
        })),
      );
    }),
  );
});

test("a path longer than is shown is kept as far as it is shown", () => {
  const buffer = new RecordBuffer();
  put(buffer, `/${"a".repeat(300_000)}`);
  put(buffer, "/next");
  const { paths } = drain(buffer);
  expect(paths.map((path) => path.length)).toEqual([8_195, 5]);
  expect(paths[0]).toMatch(/a\.\.\.$/);
});

test("a batch comes again until it is confirmed, and what came meanwhile after it", () => {
  const buffer = new RecordBuffer();
  for (const path of ["/a", "/b"]) put(buffer, path);
  const batch = buffer.peek();
  put(buffer, "/c");
  expect(buffer.peek()).toEqual(batch);
  buffer.confirm(2);
  expect([buffer.size, buffer.peek()?.first]).toEqual([1, 2]);
  buffer.confirm(1);
  expect(drain(buffer)).toEqual({ paths: ["/c"], lost: 0 });
  expect(buffer.peek()).toBeUndefined();
});

test("what another buffer handed on stands in its place", () => {
  const [first, second] = [new RecordBuffer(), new RecordBuffer()];
  put(first, "/a");
  put(second, "/b");
  const batch = second.peek();
  if (batch !== undefined) first.take(batch.packed, 3);
  put(first, "/c");
  expect(drain(first)).toEqual({ paths: ["/a", "/b", "/c"], lost: 3 });
});

test("when nobody comes the newest are kept and the lost are counted, once", () => {
  const buffer = new RecordBuffer(2_000);
  for (let i = 0; i < 10_000; i++) put(buffer, `/${i}`);
  const { paths, lost } = drain(buffer);
  expect(paths.length).toBeLessThanOrEqual(2_000);
  expect(paths.length).toBeGreaterThanOrEqual(1_000);
  expect([lost, paths.at(-1)]).toEqual([10_000 - paths.length, "/9999"]);
  put(buffer, "/more");
  expect(drain(buffer)).toEqual({ paths: ["/more"], lost: 0 });
});

test("long records are bounded by their size, texts with them", () => {
  const buffer = new RecordBuffer(10_000, 1_000_000);
  for (let i = 0; i < 1_000; i++) put(buffer, `/${"x".repeat(5_000)}`);
  expect(buffer.size).toBeLessThanOrEqual(200);
  for (let i = 0; i < 1_000; i++)
    buffer.add("shop", at, request("/", { forwardedFor: `${i}${"x".repeat(5_000)}` }), outcome);
  expect(buffer.size).toBeLessThanOrEqual(200);
});
