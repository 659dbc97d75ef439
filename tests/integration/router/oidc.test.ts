import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Oidc, RoutePolicy } from "../../../server/router/policy/route-policy.ts";
import { Browser, type IdentityProvider, startIdentityProvider } from "../../support/identity-provider.ts";
import { ask, type Instance, routeTo, startDataPath, startInstance, type TestRouter } from "./harness.ts";

let instance: Instance;
let router: TestRouter;
let provider: IdentityProvider;
let settings: Oidc;
const host = "localhost";

beforeAll(async () => {
  instance = await startInstance((req, res) => res.end(JSON.stringify({ url: req.url, headers: req.headers })));
  router = await startDataPath([]);
  provider = await startIdentityProvider(`http://${host}:${router.port}/app/.paas/signed-in`);
  const { issuer, clientId, clientSecret } = provider;
  settings = {
    issuer,
    clientId,
    clientSecret,
    scopes: ["openid", "email"],
    sessionMs: 3_600_000,
    cookieKey: randomBytes(32).toString("base64"),
    allow: ["@example.test"],
  };
  use(settings);
});
afterAll(async () => {
  await router[Symbol.asyncDispose]();
  await instance[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

function use(oidc: Oidc): void {
  const policy: RoutePolicy = { oidc };
  router.apply([routeTo([instance.target], { host, path: "/app", policy })]);
}

const appUrl = (path: string) => `http://${host}:${router.port}/app${path}`;

test("who is not signed in goes to the provider, comes back to where he wanted to go, and is named to the app", async () => {
  const browser = new Browser();
  const page = await browser.signIn(appUrl("/a?b=1"), "ann");
  expect([page.status, page.url.href]).toEqual([200, appUrl("/a?b=1")]);
  const { url, headers } = JSON.parse(page.body) as { url: string; headers: Record<string, string> };
  expect([url, headers["x-forwarded-user"], headers["x-forwarded-email"]]).toEqual([
    "/app/a?b=1",
    "ann",
    "ann@example.test",
  ]);
  expect(headers["cookie"] ?? "").not.toContain("paas_session");
  // From now on without the provider.
  expect((await browser.open(appUrl("/again"))).status).toBe(200);
  const out = await ask(router.port, { host, path: "/app/.paas/sign-out" });
  expect([out.status, out.headers.location, out.headers["set-cookie"]?.[0]]).toEqual([
    302,
    "/app/",
    "paas_session=; Path=/app; Max-Age=0; HttpOnly; SameSite=Lax",
  ]);
});

test("what a client says of itself, forged and foreign cookies let nobody in", async () => {
  const browser = new Browser();
  await browser.signIn(appUrl("/a?b=1"), "ann");
  const cookie = browser.cookies.get(`${host}:${router.port}`)?.get("paas_session") ?? "";
  const get = (value: string, more: Readonly<Record<string, string>> = {}) =>
    ask(router.port, { host, path: "/app/x", headers: { cookie: `paas_session=${value}; other=1`, ...more } });
  const good = await get(cookie, { "x-forwarded-user": "root", "x-forwarded-groups": "admins" });
  const { headers } = JSON.parse(good.body) as { headers: Record<string, string> };
  expect([headers["x-forwarded-user"], headers["x-forwarded-groups"], headers["cookie"]]).toEqual([
    "ann",
    undefined,
    "other=1",
  ]);
  for (const bad of ["", "x", cookie.slice(0, -4), `${cookie}x`]) expect((await get(bad)).status).toBe(401);
  // Another route has another key.
  use({ ...settings, cookieKey: randomBytes(32).toString("base64") });
  expect((await get(cookie)).status).toBe(401);
  use(settings);
});

test("only pages are sent to a sign-in; everything else gets 401", async () => {
  const page = await ask(router.port, { host, path: "/app/x", headers: { accept: "text/html" } });
  expect([page.status, page.headers.location]).toEqual([302, expect.stringContaining("code_challenge_method=S256")]);
  const call = await ask(router.port, { host, path: "/app/x", headers: { accept: "application/json" } });
  expect([call.status, call.headers["x-paas-error"]]).toEqual([401, "unauthorized"]);
  const post = await ask(router.port, { host, path: "/app/x", method: "POST", headers: { accept: "text/html" } });
  expect(post.status).toBe(401);
});

test("who is not on the list, or whose address nobody has checked, stays out", async () => {
  use({ ...settings, allow: ["bob@example.test"] });
  expect((await new Browser().signIn(appUrl("/"), "ann")).status).toBe(403);
  expect((await new Browser().signIn(appUrl("/"), "bob")).status).toBe(200);
  use(settings);
  expect((await new Browser().signIn(appUrl("/"), "mallory")).status).toBe(403);
});

test("a callback that nobody asked for, or that answers another attempt, is refused", async () => {
  const callback = "/app/.paas/signed-in?code=x&state=y";
  expect((await ask(router.port, { host, path: callback })).status).toBe(403);
  const begun = await ask(router.port, { host, path: "/app/x", headers: { accept: "text/html" } });
  const cookie = begun.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  expect(cookie).toMatch(/^paas_sign_in=/);
  expect((await ask(router.port, { host, path: callback, headers: { cookie } })).status).toBe(403);
});

test("a provider that does not answer is said, and asked again later", async () => {
  use({ ...settings, issuer: "http://127.0.0.1:9" });
  const answer = await ask(router.port, { host, path: "/app/x", headers: { accept: "text/html" } });
  expect([answer.status, answer.headers["x-paas-error"]]).toEqual([503, "auth_unavailable"]);
  use(settings);
});
