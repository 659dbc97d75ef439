import { expect, test } from "vitest";
import { needsSecret, toBytes, toMs, toPolicy } from "../../../cli/commands/policy-flags.ts";
import { toPlace } from "../../../cli/commands/route-policies.ts";
import { Input } from "../../../cli/verb.ts";
import { policyChange } from "../../../server/routes/policy-schema.ts";

const typed = (options: Record<string, string | boolean | readonly string[]>, secret?: string) =>
  toPolicy(new Input(["shop.test"], options), secret);

test("a route is a host and a path", () => {
  expect([toPlace("a.test"), toPlace("https://a.test/v2/x"), toPlace("*.a.test/")]).toEqual([
    { domain: "a.test" },
    { domain: "a.test", path: "/v2/x" },
    { domain: "*.a.test", path: "/" },
  ]);
});

test("flags become the settings that the server takes", () => {
  const everything = typed(
    {
      balance: "least-connections",
      sticky: "JSESSIONID",
      limit: "20",
      queue: "5",
      queueTimeout: "2s",
      connectTimeout: "1",
      firstByteTimeout: "2m",
      idleTimeout: "500ms",
      rateLimit: "100/m",
      rateBy: "header:X-Key",
      cache: true,
      compress: true,
      basicAuth: "ann",
      allow: "10.0.0.0/8, 2001:db8::/32",
      deny: "10.1.2.3",
      setHeader: ["X-Env: live: yes"],
      removeHeader: ["Cookie"],
      setResponseHeader: ["X-Frame-Options: DENY"],
      redirect: ["/old/* /new/* 301", "/a https://b.test/"],
      rewrite: ["/v1 /internal"],
      stripPrefix: true,
      maxBody: "10M",
      forwardAuth: "http://auth.test/check",
      forwardAuthHeaders: "X-User,X-Groups",
      oidc: "https://login.test",
      oidcClient: "paas",
      oidcAllow: "@example.test",
      routeService: "https://waf.test/",
      https: "redirect",
      hsts: "3600",
      protocol: "grpc",
    },
    "correct horse",
  );
  expect(everything).toMatchObject({
    concurrency: { perInstance: 20, queue: 5, queueTimeoutMs: 2_000 },
    timeouts: { connectMs: 1_000, firstByteMs: 120_000, idleMs: 500 },
    rateLimit: { requests: 100, perMs: 60_000, by: "header:X-Key" },
    cache: { maxEntryBytes: 1_048_576 },
    basicAuth: { name: "ann", password: "correct horse" },
    requestHeaders: { set: { "X-Env": "live: yes" }, remove: ["Cookie"] },
    redirects: [
      { from: "/old/*", to: "/new/*", status: 301 },
      { from: "/a", to: "https://b.test/", status: 302 },
    ],
    oidc: { clientSecret: "correct horse", scopes: ["openid", "email", "profile"], sessionMs: 43_200_000 },
    https: { redirect: true, hstsSeconds: 3600 },
    protocol: "h2c",
  });
  expect(policyChange.safeParse(everything).error?.issues).toBeUndefined();
  expect(typed({})).toEqual({});
  expect(typed({ sticky: true })).toEqual({ sticky: {} });
});

test.each([
  [{ rateLimit: "many" }, "is not a rate"],
  [{ setHeader: ["X-Env"] }, "is not a header"],
  [{ redirect: ["/a"] }, "is not a rule"],
  [{ maxBody: "10X" }, "is not a size"],
  [{ idleTimeout: "soon" }, "is not a length of time"],
  [{ limit: "-1" }, "is not a number"],
  [{ oidc: "https://a.test" }, "client's id"],
] as const)("%o is refused in words", (options, words) => {
  expect(() => typed(options)).toThrow(words);
});

test("secrets are read from the standard input, one at a time", () => {
  expect(needsSecret(new Input([], { basicAuth: "ann" }))).toBe(true);
  expect(needsSecret(new Input([], { compress: true }))).toBe(false);
  expect(() => needsSecret(new Input([], { basicAuth: "ann", oidc: "https://a.test" }))).toThrow("at once");
});

test("sizes and lengths of time", () => {
  expect([toBytes("512"), toBytes("1.5K"), toBytes("10MB"), toBytes("1GiB")]).toEqual([512, 1536, 10_485_760, 2 ** 30]);
  expect([toMs("30"), toMs("1.5s"), toMs("2h")]).toEqual([30_000, 1_500, 7_200_000]);
});
