import { buffer } from "node:stream/consumers";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Field } from "../../../../server/router/middleware.ts";
import { createAnswers } from "../../../../server/router/policy/answers.ts";
import { compilePolicy, pinnedPolicy } from "../../../../server/router/policy/compile.ts";
import { compress } from "../../../../server/router/policy/compress.ts";
import { answerHead } from "../../../../server/router/policy/overlay.ts";
import type { RoutePolicy } from "../../../../server/router/policy/route-policy.ts";
import type { TableRoute } from "../../../../server/router/protocol.ts";
import { fieldOf, pass, requestHead } from "./heads.ts";

const html = { accept: "text/html" };

test("a page is found by code, then status, then class, then default", () => {
  const page = (name: string) => ({ html: name });
  const answers = createAnswers({ H12: page("h12"), "404": page("404"), "5xx": page("5xx"), default: page("other") });
  const bodyOf = (code: Parameters<typeof answers.refuse>[0]) =>
    String(answers.refuse(code, requestHead("/", html)).body);
  expect([bodyOf("H12"), bodyOf("H14"), bodyOf("unknown_route"), bodyOf("rate_limited")]).toEqual([
    "h12",
    "5xx",
    "404",
    "other",
  ]);
  expect(answers.failure("H14", requestHead("/", html))?.body.toString()).toBe("5xx");
  expect(createAnswers({ H12: page("h12") }).failure("H14", requestHead("/", html))).toBeUndefined();
});

test("status, code and length stay those of the failure, and JSON stays JSON", () => {
  const answers = createAnswers({ default: { html: "ü" } });
  const answer = answers.refuse("H80", requestHead("/", html));
  expect([answer.status, answer.code, fieldOf(answer, "x-paas-error"), fieldOf(answer, "content-length")]).toEqual([
    503,
    "H80",
    "H80",
    "2",
  ]);
  const json = answers.refuse("H80", requestHead("/", { accept: "application/json" }));
  expect(JSON.parse(String(json.body))).toMatchObject({ error: { code: "H80", status: 503 } });
});

test("a page elsewhere is shown in a frame, its address made harmless", () => {
  const answers = createAnswers({ default: { url: 'https://x.test/"><script>' } });
  expect(String(answers.refuse("H10", requestHead("/", html)).body)).toContain(
    'src="https://x.test/&#34;&#62;&#60;script&#62;"',
  );
});

const text = "hello ".repeat(1_000);

async function compressed(encoding: string, fields: readonly Field[], method = "GET") {
  const verdict = await pass(compress(), requestHead("/", { "accept-encoding": encoding }, { method }));
  const edit = verdict.onAnswer?.(answerHead(200, fields));
  const body = edit?.body?.();
  body?.end(text);
  return { edit, bytes: body === undefined ? undefined : await buffer(body) };
}
const type: Field = ["Content-Type", "text/html; charset=utf-8"];

test("text is compressed with what the client takes", async () => {
  const br = await compressed("gzip, br", [type, ["ETag", '"1"'], ["Content-Length", "6000"]]);
  expect(brotliDecompressSync(br.bytes ?? Buffer.alloc(0)).toString()).toBe(text);
  expect(br.edit?.set).toEqual([
    ["Vary", "Accept-Encoding"],
    ["Content-Encoding", "br"],
    ["ETag", 'W/"1"'],
  ]);
  expect(br.edit?.remove).toContain("content-length");
  const gzip = await compressed("gzip, br;q=0", [type, ["Vary", "Origin"]]);
  expect(gunzipSync(gzip.bytes ?? Buffer.alloc(0)).toString()).toBe(text);
  expect(gzip.edit?.set?.[0]).toEqual(["Vary", "Origin, Accept-Encoding"]);
});

test("a client that takes none gets it as it is, and caches are told", async () => {
  expect(await compressed("", [type])).toEqual({ edit: { set: [["Vary", "Accept-Encoding"]] }, bytes: undefined });
  expect((await compressed("gzip", [type], "HEAD")).bytes).toBeUndefined();
});

test.each([
  ["images", [["Content-Type", "image/png"]]],
  ["event streams", [["Content-Type", "text/event-stream"]]],
  ["short ones", [type, ["Content-Length", "100"]]],
  ["what is compressed", [type, ["Content-Encoding", "gzip"]]],
  ["what must not be changed", [type, ["Cache-Control", "no-transform"]]],
] as const)("%s are left alone", async (_what, fields) => {
  expect((await compressed("gzip", fields)).edit).toBeUndefined();
});

const route = (policy?: RoutePolicy): TableRoute => ({
  host: "shop.test",
  path: "/api",
  app: "shop",
  state: "running",
  targets: [],
  ...(policy && { policy }),
});

test("a route without a policy has none, and one with has one middleware", async () => {
  expect(compilePolicy(route())).toBeUndefined();
  const compiled = compilePolicy(
    route({ stripPrefix: true, maxBodyBytes: 5, timeouts: { idleMs: 7 }, compress: true }),
  );
  expect(compiled?.middlewares).toHaveLength(1);
  expect([compiled?.maxBodyBytes, compiled?.times]).toEqual([5, { idleTimeoutMs: 7 }]);
  const [middleware] = compiled?.middlewares ?? [];
  if (middleware === undefined) throw new Error("none");
  expect((await pass(middleware, requestHead("/api/x"))).edit?.target).toBe("/x");
});

test("fields that name an instance never reach the app", async () => {
  for (const policy of [pinnedPolicy(), compilePolicy(route({ compress: true }))]) {
    const [middleware] = policy?.middlewares ?? [];
    if (middleware === undefined) throw new Error("none");
    expect((await pass(middleware, requestHead())).edit?.remove).toContain("x-cf-app-instance");
  }
});

test("maintenance answers before anything else is asked, but for the address filter", async () => {
  const [middleware] =
    compilePolicy(route({ maintenance: { page: { html: "soon" } }, ipDeny: ["192.0.2.7"] }))?.middlewares ?? [];
  const inside = await middleware?.request(requestHead("/", html, { clientAddress: "192.0.2.8" }));
  expect(inside).toMatchObject({ kind: "answer", answer: { status: 503, code: "H80", body: "soon" } });
  expect(await middleware?.request(requestHead("/", html))).toMatchObject({ answer: { status: 403 } });
});
