import { text } from "node:stream/consumers";
import { beforeEach, expect, test } from "vitest";
import type { AnswerEdit, Field, RequestHead } from "../../../../server/router/middleware.ts";
import { responseCache } from "../../../../server/router/policy/cache/cache.ts";
import { CacheStore } from "../../../../server/router/policy/cache/store.ts";
import { answerHead } from "../../../../server/router/policy/overlay.ts";
import { PolicyState } from "../../../../server/router/policy/state.ts";
import { answers, fieldOf, pass, refusal, requestHead } from "./heads.ts";

let now: number;
let store: CacheStore;
beforeEach(() => {
  now = Date.parse("2026-01-01T00:00:00Z");
  store = new CacheStore(1_000_000);
});

const cache = (isPrivate = false) =>
  responseCache({ store, route: "shop.test /", maxEntryBytes: 1_000, isPrivate, answers, now: () => now });

/** Lets an answer of the app through, as the data path does. */
async function through(
  head: RequestHead,
  headers: Readonly<Record<string, string>>,
  body = "hello",
  status = 200,
  isPrivate = false,
): Promise<AnswerEdit | undefined> {
  const { onAnswer } = await pass(cache(isPrivate), head);
  const fields = Object.entries(headers).map(([name, value]): Field => [name, value]);
  const edit = onAnswer?.(answerHead(status, fields));
  const tee = edit?.body?.();
  tee?.end(body);
  if (tee !== undefined) expect(await text(tee)).toBe(body);
  return edit;
}

const given = (head = requestHead("/a"), isPrivate = false) => refusal(cache(isPrivate), head);

test("a fresh answer is given without the app, with its age, until it is stale", async () => {
  await through(requestHead("/a"), { "Cache-Control": "max-age=60", "Content-Type": "text/plain", "X-A": "1" });
  now += 30_000;
  const answer = await given();
  expect([answer.status, String(answer.body), fieldOf(answer, "age"), fieldOf(answer, "x-a")]).toEqual([
    200,
    "hello",
    "30",
    "1",
  ]);
  expect(fieldOf(answer, "cache-status")).toBe("paas; hit; ttl=30");
  expect(fieldOf(await given(requestHead("/a", {}, { method: "HEAD" })), "content-length")).toBe("5");
  now += 30_000;
  expect((await cache().request(requestHead("/a"))).kind).toBe("pass");
});

test("s-maxage counts before max-age, and both before Expires; age that it had before is told", async () => {
  const Expires = new Date(now + 3_600_000).toUTCString();
  await through(requestHead("/a"), { "Cache-Control": "max-age=10, s-maxage=60", Expires, Age: "20" });
  now += 39_000;
  expect(fieldOf(await given(), "age")).toBe("59");
  now += 1_000;
  expect((await cache().request(requestHead("/a"))).kind).toBe("pass");
});

test.each([
  ["no word about its life", {}],
  ["no-store", { "Cache-Control": "no-store, max-age=60" }],
  ["private", { "Cache-Control": "private, max-age=60" }],
  ["private for a field", { "Cache-Control": 'private="X-A", max-age=60' }],
  ["a cookie", { "Cache-Control": "max-age=60", "Set-Cookie": "a=1" }],
  ["Vary: *", { "Cache-Control": "max-age=60", Vary: "*" }],
  ["an age that is no number", { "Cache-Control": "max-age=soon" }],
  ["Expires that is no date", { Expires: "0" }],
  ["Expires in the past", { Expires: "Thu, 01 Jan 2015 00:00:00 GMT" }],
  ["a body that is too long", { "Cache-Control": "max-age=60", "Content-Length": "1001" }],
])("an answer with %s is not kept", async (_why, headers) => {
  await through(requestHead("/a"), headers);
  expect((await cache().request(requestHead("/a"))).kind).toBe("pass");
});

test.each([206, 302, 500, 503, 304])("status %i is not kept", async (status) => {
  await through(requestHead("/a"), { "Cache-Control": "max-age=60" }, "", status);
  expect((await cache().request(requestHead("/a"))).kind).toBe("pass");
});

test("an answer that is cut or grows too long is not kept", async () => {
  const { onAnswer } = await pass(cache(), requestHead("/a"));
  const cut = onAnswer?.(answerHead(200, [["Cache-Control", "max-age=60"]]))?.body?.();
  cut?.write("half");
  cut?.destroy();
  await through(requestHead("/b"), { "Cache-Control": "max-age=60" }, "x".repeat(1_001));
  expect((await cache().request(requestHead("/a"))).kind).toBe("pass");
  expect((await cache().request(requestHead("/b"))).kind).toBe("pass");
});

test("what came with credentials is kept only when the app says that it is for all", async () => {
  const head = requestHead("/a", { authorization: "Bearer x" });
  await through(head, { "Cache-Control": "max-age=60" });
  expect((await cache().request(requestHead("/a"))).kind).toBe("pass");
  await through(head, { "Cache-Control": "public, max-age=60" });
  await given();
  // Signed in at the router: the app sees no Authorization, and the same holds.
  store = new CacheStore(1_000_000);
  await through(requestHead("/a"), { "Cache-Control": "max-age=60" }, "mine", 200, true);
  expect((await cache(true).request(requestHead("/a"))).kind).toBe("pass");
});

test("variants are told apart by what Vary names; codings by which are accepted, not by their spelling", async () => {
  const vary = { "Cache-Control": "max-age=60", Vary: "Accept-Language, Accept-Encoding" };
  await through(requestHead("/a", { "accept-language": "de", "accept-encoding": "gzip, br;q=0.8" }), vary, "hallo");
  await through(requestHead("/a", { "accept-language": "en", "accept-encoding": "br,gzip" }), vary, "hello");
  const german = await given(requestHead("/a", { "accept-language": "de", "accept-encoding": "br, gzip" }));
  expect(String(german.body)).toBe("hallo");
  expect(
    (await cache().request(requestHead("/a", { "accept-language": "fr", "accept-encoding": "br, gzip" }))).kind,
  ).toBe("pass");
  expect((await cache().request(requestHead("/a", { "accept-language": "de", "accept-encoding": "br" }))).kind).toBe(
    "pass",
  );
});

test("a stale answer with a validator is asked for, and 304 makes it fresh again", async () => {
  await through(requestHead("/a"), { "Cache-Control": "max-age=1", ETag: '"v1"', "X-A": "1" });
  now += 5_000;
  const { edit, onAnswer } = await pass(cache(), requestHead("/a", { "if-none-match": '"other"' }));
  expect(edit?.set).toEqual([["If-None-Match", '"v1"']]);
  expect(edit?.remove).toContain("if-none-match");
  const news: Field[] = [
    ["Cache-Control", "max-age=60"],
    ["X-A", "2"],
  ];
  const replace = onAnswer?.(answerHead(304, news))?.replace;
  expect([replace?.status, String(replace?.body)]).toEqual([200, "hello"]);
  now += 50_000;
  expect(fieldOf(await given(), "x-a")).toBe("2");
});

test("no-cache of the app is kept and asked for each time; without a validator it is not kept", async () => {
  await through(requestHead("/a"), { "Cache-Control": "no-cache", ETag: '"v1"' });
  expect((await pass(cache(), requestHead("/a"))).edit?.set).toEqual([["If-None-Match", '"v1"']]);
  await through(requestHead("/b"), { "Cache-Control": "no-cache" });
  expect((await pass(cache(), requestHead("/b"))).edit).toBeUndefined();
});

test.each([
  [{ "cache-control": "no-cache" }],
  [{ "cache-control": "max-age=5" }],
  [{ "cache-control": "min-fresh=55" }],
  [{ pragma: "no-cache" }],
])("a client that wants it newer gets it from the app: %o", async (headers) => {
  await through(requestHead("/a"), { "Cache-Control": "max-age=60" });
  now += 10_000;
  expect((await cache().request(requestHead("/a", headers))).kind).toBe("pass");
  await given();
});

test("a client that has it gets 304, and only-if-cached without it 504", async () => {
  const modified = "Wed, 31 Dec 2025 00:00:00 GMT";
  await through(requestHead("/a"), { "Cache-Control": "max-age=60", ETag: '"v1"', "Last-Modified": modified });
  for (const [name, value] of [
    ["if-none-match", 'W/"v1", "x"'],
    ["if-modified-since", modified],
  ] as const) {
    const answer = await given(requestHead("/a", { [name]: value }));
    expect([answer.status, answer.body, fieldOf(answer, "etag")]).toEqual([304, "", '"v1"']);
  }
  expect((await given(requestHead("/a", { "if-none-match": '"v2"' }))).status).toBe(200);
  expect((await given(requestHead("/b", { "cache-control": "only-if-cached" }))).status).toBe(504);
});

test("a change forgets what it changed, and what it says that it changed; a failed one does not", async () => {
  for (const target of ["/a", "/b"]) await through(requestHead(target), { "Cache-Control": "max-age=60" });
  const post = requestHead("/a", {}, { method: "POST" });
  await through(post, {}, "", 500);
  await given();
  await through(post, { Location: "/b" }, "", 201);
  expect((await cache().request(requestHead("/a"))).kind).toBe("pass");
  expect((await cache().request(requestHead("/b"))).kind).toBe("pass");
});

test("ranges and upgrades pass by it", async () => {
  await through(requestHead("/a"), { "Cache-Control": "max-age=60" });
  for (const [name, value] of [
    ["range", "bytes=0-1"],
    ["upgrade", "websocket"],
  ] as const) {
    expect(await pass(cache(), requestHead("/a", { [name]: value }))).toEqual({ kind: "pass" });
  }
});

test("memory is bounded, the least recently used goes first, and purge is by route and path", async () => {
  store = new CacheStore(5_000);
  for (let i = 0; i < 20; i++) {
    await through(requestHead(`/x/${i}`), { "Cache-Control": "max-age=60" }, "x".repeat(500));
    expect(store.bytes).toBeLessThanOrEqual(5_000);
    if (i > 0) await given(requestHead("/x/0"));
  }
  expect((await cache().request(requestHead("/x/1"))).kind).toBe("pass");
  const state = new PolicyState();
  store = state.cache;
  for (const target of ["/a/1", "/ab", "/a?q"]) await through(requestHead(target), { "Cache-Control": "max-age=60" });
  expect(state.purge("other.test /", undefined)).toBe(0);
  expect(state.purge("shop.test /", "/a")).toBe(2);
  expect(state.purge("shop.test /", undefined)).toBe(1);
  expect(store.bytes).toBe(0);
});
