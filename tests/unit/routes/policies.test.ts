import type { z } from "zod";
import { expect, test } from "vitest";
import type { RouteView } from "../../../server/api/platform.ts";
import { defaultSpace, web, type AppId, type AppName } from "../../../server/core/ids.ts";
import type { App, Route, RouteShare } from "../../../server/core/types.ts";
import { parseBasic } from "../../../server/router/policy/basic-auth.ts";
import { basicAuth } from "../../../server/router/policy/basic-auth.ts";
import { compilePolicy } from "../../../server/router/policy/compile.ts";
import type { RoutePolicy } from "../../../server/router/policy/route-policy.ts";
import { policyChange } from "../../../server/routes/policy-schema.ts";
import { createRoutePolicies } from "../../../server/routes/policies.ts";
import { answers, pass, refusal, requestHead } from "../router/policy/heads.ts";

const actor = { kind: "owner", name: "owner" } as const;
const shop: App = {
  id: "idshop" as AppId,
  name: "shop" as AppName,
  space: defaultSpace,
  deployBranch: undefined,
  stopped: false,
  createdAt: 0,
};
const route: Route = {
  id: "r1",
  host: "shop.test",
  path: "/",
  space: defaultSpace,
  appId: shop.id,
  type: web,
  port: undefined,
};

function policies() {
  const stored = new Map<string, RoutePolicy>();
  const settings = new Map<string, unknown>();
  const shares: RouteShare[] = [];
  let changes = 0;
  let now = 1_000;
  const port = createRoutePolicies({
    store: {
      all: () => stored,
      get: (id) => stored.get(id),
      set: (id, policy) => void (policy === undefined ? stored.delete(id) : stored.set(id, policy)),
    },
    settings: {
      get: <T>(id: AppId, key: string, schema: z.ZodType<T>) => schema.safeParse(settings.get(id + key)).data,
      set: (id, key, value) => void settings.set(id + key, value),
    },
    shares: { list: () => shares },
    apps: { get: () => shop, getById: () => shop },
    find: () => ({ route, view: { ...route, appName: shop.name, url: "http://shop.test" } as RouteView }),
    changed: async () => void (changes += 1),
    purge: async () => 0,
    now: () => now,
  });
  const set = (change: Readonly<Record<string, unknown>>, unset: readonly string[] = []) =>
    port.set(actor, { domain: "shop.test" }, change, unset);
  return { port, set, stored, settings, changes: () => changes, wait: (ms: number) => void (now += ms) };
}

test("settings are added part by part, taken back, and gone when none is left", async () => {
  const { port, set, stored, changes } = policies();
  await set({ compress: true, timeouts: { idleMs: 1_000 } });
  await set({ timeouts: { connectMs: 500 } });
  expect(port.compile()(route)).toEqual({ compress: true, timeouts: { idleMs: 1_000, connectMs: 500 } });
  await set({}, ["timeouts"]);
  expect((await set({}, ["compress"])).policy).toEqual({});
  expect(stored.size).toBe(0);
  expect(port.compile()(route)).toBeUndefined();
  expect(changes()).toBe(4);
});

test("a password is stored as a hash that the router accepts, and never shown", async () => {
  const { set, stored } = policies();
  await set({ basicAuth: { name: "ann", password: "correct horse" } });
  const info = await set({ basicAuth: { name: "bob", password: "battery staple" } });
  expect(info.policy.basicAuth).toEqual({ users: ["ann", "bob"] });
  const users = stored.get("r1")?.basicAuth?.users ?? [];
  expect(JSON.stringify(users)).not.toContain("horse");
  const auth = basicAuth(users, "shop", answers);
  const head = (text: string) => requestHead("/", { authorization: `Basic ${Buffer.from(text).toString("base64")}` });
  expect(parseBasic(head("a:b").header("authorization"))).toEqual({ name: "a", password: "b" });
  expect((await pass(auth, head("ann:correct horse"))).kind).toBe("pass");
  expect((await refusal(auth, head("ann:battery staple"))).status).toBe(401);
});

test("what a provider and a route service give is never shown", async () => {
  const { set } = policies();
  const oidc = {
    issuer: "https://login.test",
    clientId: "c",
    clientSecret: "hush",
    scopes: [],
    sessionMs: 60_000,
    allow: [],
  };
  const { policy } = await set({ oidc, routeService: { url: "https://waf.test/" } });
  expect(JSON.stringify(policy)).not.toMatch(/hush|cookieKey|"key"/);
  expect(policy.oidc?.issuer).toBe("https://login.test");
});

test.each([
  [{ compres: true }, /compres/],
  [{ ipAllow: ["10.0.0.0/33"] }, /10\.0\.0\.0\/8/],
  [{ requestHeaders: { set: { Host: "x" } } }, /belongs to the router/],
  [{ requestHeaders: { set: { "X-A": "a\r\nb" } } }, /printable/],
  [{ redirects: [{ from: "/a", to: "javascript:alert(1)", status: 302 }] }, /redirects/],
  [{ timeouts: { idleMs: 1 } }, /0\.1 s/],
  [{ balance: "hash:" }, /hash:HEADER/],
  [{ balance: "hash:a b" }, /hash:HEADER/],
  [{ oidc: { issuer: "http://login.test" } }, /https/],
  [{ basicAuth: { name: "a:b", password: "long enough" } }, /colon/],
  [{ forwardAuth: { url: "ftp://x", copyHeaders: [] } }, /http/],
])("%o is refused and says why", async (change, words) => {
  const { set, stored } = policies();
  await expect(set(change)).rejects.toThrow(words);
  expect(stored.size).toBe(0);
});

test("what is no setting cannot be unset", async () => {
  await expect(policies().set({}, ["colour"])).rejects.toThrow('There is no setting "colour"');
});

test("maintenance, pages and a hold are the app's, on all its routes", async () => {
  const { port, wait } = policies();
  await port.setErrorPage(actor, shop.name, "5xx", { html: "sorry" });
  await port.setMaintenance(actor, shop.name, true, { html: "soon" });
  await port.hold(actor, shop.name, 5_000);
  expect(port.compile()(route)).toEqual({
    errorPages: { "5xx": { html: "sorry" } },
    maintenance: { page: { html: "soon" } },
    hold: { until: 6_000 },
  });
  expect(port.compile()({ ...route, appId: undefined })).toBeUndefined();
  wait(5_001);
  await port.setMaintenance(actor, shop.name, false, undefined);
  expect(port.maintenance(shop.name)).toEqual({ on: false, page: { html: "soon" } });
  await port.setErrorPage(actor, shop.name, "5xx", undefined);
  expect(port.compile()(route)).toBeUndefined();
});

test("pages are bounded, and of codes that there are", async () => {
  const { port } = policies();
  const html = "x".repeat(65_537);
  await expect(port.setErrorPage(actor, shop.name, "5xx", { html })).rejects.toThrow("64 KB");
  await expect(port.setErrorPage(actor, shop.name, "9xx", { html: "" })).rejects.toThrow("9xx");
  await expect(port.hold(actor, shop.name, 700_000)).rejects.toThrow("600 s");
});

test("all that the schema takes the router can compile", () => {
  const policy = policyChange.parse({
    balance: "hash:X-Tenant",
    timeouts: { startMs: 0, requestMs: 60_000 },
    sticky: {},
    rateLimit: { requests: 1, perMs: 1_000, by: "client" },
    cache: { maxEntryBytes: 1 },
    compress: true,
    ipAllow: ["10.0.0.1"],
    redirects: [{ from: "*", to: "https://new.test/*", status: 308 }],
  }) as RoutePolicy;
  expect(
    compilePolicy({ host: "shop.test", path: "/", app: "shop", state: "running", targets: [], policy })?.middlewares,
  ).toHaveLength(1);
});
