import { randomBytes } from "node:crypto";
import { createServer, request, type IncomingHttpHeaders, type Server } from "node:http";
import { Provider } from "oidc-provider";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Oidc, RoutePolicy } from "../../../server/router/policy/route-policy.ts";
import { ask, type Instance, listen, routeTo, startDataPath, startInstance, type TestRouter } from "./harness.ts";

let instance: Instance;
let router: TestRouter;
let providerServer: Server;
let settings: Oidc;
const host = "localhost";

beforeAll(async () => {
  instance = await startInstance((req, res) => res.end(JSON.stringify({ url: req.url, headers: req.headers })));
  router = await startDataPath([]);
  providerServer = createServer();
  const issuer = `http://127.0.0.1:${await listen(providerServer)}`;
  // A real provider, with the forms for development that it brings along: any name and password sign in.
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "paas",
        client_secret: "hush",
        redirect_uris: [`http://${host}:${router.port}/app/.paas/signed-in`],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.test`, email_verified: id !== "mallory" }),
    }),
    cookies: { keys: ["test"] },
  });
  const answer = provider.callback();
  providerServer.on("request", (req, res) => void answer(req, res));
  settings = {
    issuer,
    clientId: "paas",
    clientSecret: "hush",
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
  providerServer.closeAllConnections();
  await new Promise((resolve) => providerServer.close(resolve));
});

function use(oidc: Oidc): void {
  const policy: RoutePolicy = { oidc };
  router.apply([routeTo([instance.target], { host, path: "/app", policy })]);
}

interface Page {
  readonly status: number;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Follows redirects and keeps cookies, as a browser does. */
class Browser {
  readonly cookies = new Map<string, Map<string, string>>();

  async open(address: string | URL, form?: string): Promise<Page> {
    let page = await this.#once(new URL(address), form);
    for (let i = 0; i < 10 && page.headers.location !== undefined; i++) {
      page = await this.#once(new URL(page.headers.location, page.url));
    }
    return page;
  }

  #once(url: URL, form?: string): Promise<Page> {
    const jar = this.cookies.get(url.host) ?? new Map<string, string>();
    this.cookies.set(url.host, jar);
    const headers: Record<string, string> = {
      host: url.host,
      accept: "text/html",
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
    };
    if (form !== undefined) headers["content-type"] = "application/x-www-form-urlencoded";
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: url.port, path: url.pathname + url.search, headers, agent: false };
      const sent = request({ ...options, method: form === undefined ? "GET" : "POST" }, (answer) => {
        for (const line of answer.headers["set-cookie"] ?? []) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          if (value === "" || /max-age=0\b/i.test(line)) jar.delete(name);
          else jar.set(name, value);
        }
        let body = "";
        answer.on("data", (chunk: Buffer) => (body += chunk.toString()));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, url, headers: answer.headers, body }));
      });
      sent.on("error", reject);
      sent.end(form);
    });
  }
}

const appUrl = (path: string) => `http://${host}:${router.port}/app${path}`;

/** Signs in at the provider's own forms. */
async function signIn(browser: Browser, user: string, path = "/a?b=1"): Promise<Page> {
  let page = await browser.open(appUrl(path));
  for (const form of [`prompt=login&login=${user}&password=x`, "prompt=consent"]) {
    const action = /<form[^>]* action="([^"]+)"/.exec(page.body)?.[1];
    if (action === undefined) throw new Error(`no form: ${page.status} ${page.body}`);
    page = await browser.open(new URL(action, page.url), form);
  }
  return page;
}

test("who is not signed in goes to the provider, comes back to where he wanted to go, and is named to the app", async () => {
  const browser = new Browser();
  const page = await signIn(browser, "ann");
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
  await signIn(browser, "ann");
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
  expect((await signIn(new Browser(), "ann")).status).toBe(403);
  expect((await signIn(new Browser(), "bob")).status).toBe(200);
  use(settings);
  expect((await signIn(new Browser(), "mallory")).status).toBe(403);
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
