import { expect, test } from "vitest";
import { requestHeaders, responseHeaders } from "../../../../server/router/policy/header-change.ts";
import { redirects } from "../../../../server/router/policy/redirects.ts";
import { cookieOf, isBelow, setCookieOf, withoutCookie } from "../../../../server/router/policy/request-parts.ts";
import { rewrite } from "../../../../server/router/policy/rewrite.ts";
import { fieldOf, pass, refusal, requestHead } from "./heads.ts";

test.each([
  ["/old", "/new"],
  ["/old?a=1", "/new?a=1"],
  ["/docs/a/b?x", "https://docs.test/a/b?x"],
  ["/docs", "https://docs.test/"],
  ["/q?a", "/search?fixed"],
])("%s is redirected to %s", async (target, location) => {
  const rules = redirects([
    { from: "/old", to: "/new", status: 301 },
    { from: "/docs/*", to: "https://docs.test/*", status: 302 },
    { from: "/q", to: "/search?fixed", status: 308 },
  ]);
  expect(fieldOf(await refusal(rules, requestHead(target)), "location")).toBe(location);
});

test("paths that only begin alike are not redirected, and no path becomes another site", async () => {
  const rules = redirects([{ from: "/docs/*", to: "/*", status: 302 }]);
  await pass(rules, requestHead("/docsx"));
  await pass(rules, requestHead("/"));
  expect(fieldOf(await refusal(rules, requestHead("/docs//evil.test/x")), "location")).toBe("/evil.test/x");
});

test.each([
  ["/api/v1/x?q=1", "/v1/x?q=1"],
  ["/api", "/"],
  ["/api/", "/"],
  ["/apix", undefined],
  ["*", undefined],
])("without its prefix %s is %s", async (target, expected) => {
  expect((await pass(rewrite("/api", []), requestHead(target))).edit?.target).toBe(expected);
});

test("a path is rewritten by whole segments, after the prefix is gone, and the app is told the prefix", async () => {
  const rules = rewrite("/api", [{ from: "/v1", to: "/internal/one" }]);
  const { edit } = await pass(rules, requestHead("/api/v1/x"));
  expect(edit).toEqual({ target: "/internal/one/x", set: [["X-Forwarded-Prefix", "/api"]] });
  expect((await pass(rules, requestHead("/api/v10"))).edit?.target).toBe("/v10");
});

test("headers are set and removed in both directions, on own answers too", async () => {
  const change = { set: { "X-Env": "live" }, remove: ["Server"] };
  const edit = { set: [["X-Env", "live"]], remove: ["Server"] };
  expect((await pass(requestHeaders(change), requestHead())).edit).toEqual(edit);
  const middleware = responseHeaders(change);
  const verdict = await pass(middleware, requestHead());
  const head = { status: 200, header: () => undefined, fields: () => [] };
  expect(verdict.onAnswer?.(head)).toEqual(edit);
  expect(middleware.onOwnAnswer?.(head)).toEqual(edit);
});

test("cookies are found and taken out", () => {
  expect(cookieOf("a=1; sid=x=y; b=2", "sid")).toBe("x=y");
  expect(cookieOf("asid=1", "sid")).toBeUndefined();
  expect(withoutCookie("a=1; sid=2; b=3", (name) => name === "sid")).toBe("a=1; b=3");
  expect(withoutCookie("sid=2", (name) => name === "sid")).toBeUndefined();
});

test("a cookie that an answer sets is found among others, dates and all", () => {
  const lines = "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, JSESSIONID=abc; Secure; SameSite=Lax";
  const cookie = setCookieOf(lines, "JSESSIONID");
  expect([cookie?.value, cookie?.attributes.get("samesite"), cookie?.attributes.has("secure")]).toEqual([
    "abc",
    "Lax",
    true,
  ]);
  expect(setCookieOf(lines, "Oct")).toBeUndefined();
});

test("a path is below a prefix by whole segments", () => {
  expect([isBelow("/a/b", "/a"), isBelow("/a", "/a"), isBelow("/ab", "/a"), isBelow("/x", "/")]).toEqual([
    true,
    true,
    false,
    true,
  ]);
});
