import { createServer, type Server } from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RouteInfo } from "../../server/api/route-policies.ts";
import type { RouterView } from "../../server/api/router.ts";
import { connectDocker } from "../../server/docker/client.ts";
import { waitFor } from "../../server/core/time.ts";
import { Browser, startIdentityProvider } from "../support/identity-provider.ts";
import { startLoad } from "../support/load.ts";
import { runCommand } from "../support/commands.ts";
import { launcher, request, TestPaas, type HttpAnswer, type RequestOptions, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;
let helper: Server;
let helperUrl: string;

/** Says what it saw, sets what the query asks for. */
const app = {
  "package.json": JSON.stringify({ name: "shop", engines: { node: "24" } }),
  "server.js": `
const http = require("node:http");
let held = [];
http.createServer((req, res) => {
  const url = new URL(req.url, "http://x");
  if (url.pathname === "/silent") return;
  if (url.pathname === "/gate" && held !== undefined) return void held.push(res);
  if (url.pathname === "/open") {
    for (const one of held ?? []) one.end("late");
    held = undefined;
  }
  for (const [name, value] of url.searchParams) res.setHeader(name, value);
  let body = "";
  req.on("data", (chunk) => (body += chunk));
  req.on("end", () => {
    const pad = "x".repeat(url.pathname === "/long" ? 5000 : 0);
    res.end(JSON.stringify({ app: process.env.PAAS_APP, instance: process.env.DYNO, url: req.url, headers: req.headers, at: process.hrtime()[1], pad }));
  });
}).listen(process.env.PORT);
`,
  Procfile: "web: node server.js\n",
};

beforeAll(async () => {
  helper = createServer((req, res) => {
    const forwarded = req.headers["x-cf-forwarded-url"];
    if (forwarded === undefined) {
      res.writeHead(req.headers.cookie === "key=good" ? 204 : 403, { "X-User": "ann" }).end();
      return;
    }
    const url = new URL(String(forwarded));
    const signed = ["x-cf-forwarded-url", "x-cf-proxy-signature", "x-cf-proxy-metadata"];
    const headers = Object.fromEntries(signed.map((name) => [name, String(req.headers[name])]));
    void paas
      .request(url.hostname, url.pathname, { headers: { ...headers, "x-by-service": "yes" } })
      .then((answer) => res.writeHead(answer.status).end(answer.body));
  });
  await new Promise<void>((resolve) => helper.listen(0, "127.0.0.1", resolve));
  helperUrl = `http://127.0.0.1:${(helper.address() as AddressInfo).port}/`;
  paas = await TestPaas.start();
  shop = await paas.app("shop", app);
  await shop.mustPush();
  await shop.mustCli("ps:scale", "web=2");
}, 240_000);
afterAll(async () => {
  helper.closeAllConnections();
  helper.close();
  await paas[Symbol.asyncDispose]();
});

interface Seen {
  readonly app: string;
  readonly instance: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: number;
}
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const get = (host: string, target = "/", options: RequestOptions = {}): Promise<HttpAnswer> =>
  paas.request(host, target, options);
const seen = async (host: string, target = "/", options: RequestOptions = {}): Promise<Seen> => {
  const answer = await get(host, target, options);
  if (answer.status !== 200) throw new Error(`${host}${target} answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body) as Seen;
};

/** A route of the app with these settings. */
async function route(name: string, ...flags: readonly string[]): Promise<string> {
  const host = `${name}.example.test`;
  await shop.mustCli("map-route", "shop", "example.test", "--hostname", name);
  if (flags.length > 0) await shop.mustCli("routes:set", host, ...flags);
  return host;
}
const withSecret = (secret: string, ...args: readonly string[]) =>
  runCommand([launcher, ...args], { cwd: shop.dir, env: paas.env, input: secret });

test("a client stays with an instance, one is reached by name, and a header's value always leads to the same one", async () => {
  const host = await route("sticky", "--sticky", "--balance", "least-connections");
  const first = await get(host);
  const cookie = first.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  const { instance } = JSON.parse(first.body) as Seen;
  for (let i = 0; i < 4; i++) expect((await seen(host, "/", { headers: { cookie } })).instance).toBe(instance);
  expect((await seen(host, "/", { headers: { "x-cf-app-instance": "shop:1" } })).instance).toBe("web.2");
  const unknown = await get(host, "/", { headers: { "x-cf-app-instance": "shop:7" } });
  expect([unknown.status, unknown.headers["x-paas-error"]]).toEqual([400, "unknown_instance"]);
  const bound = await route("session", "--sticky", "JSESSIONID");
  expect((await get(bound)).headers["set-cookie"]).toBeUndefined();
  const login = await get(bound, "/?set-cookie=JSESSIONID%3D1");
  const cookies = (login.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
  expect(cookies).toMatch(/^JSESSIONID=1; __VCAP_ID__=/);
  const signedIn = (JSON.parse(login.body) as Seen).instance;
  for (let i = 0; i < 4; i++) {
    expect((await seen(bound, "/", { headers: { cookie: cookies } })).instance).toBe(signedIn);
  }
  const hashed = await route("hashed", "--balance", "hash:X-Tenant");
  const tenants = Array.from({ length: 12 }, (_, i) => ({ headers: { "x-tenant": `tenant-${i}` } }));
  const instances = () => Promise.all(tenants.map(async (tenant) => (await seen(hashed, "/", tenant)).instance));
  const once = await instances();
  expect(new Set(once)).toEqual(new Set(["web.1", "web.2"]));
  expect(await instances()).toEqual(once);
});

test("an instance has as many requests at a time as its limit says, some wait in line, and more are refused", async () => {
  const host = await route("full", "--limit", "1", "--queue", "1", "--queue-timeout", "60s");
  const first = [get(host, "/gate"), get(host, "/gate")];
  const busy = async () => {
    const { instances } = await paas.json<RouterView>(["router"]);
    return instances.filter((one) => one.app === "shop").map((one) => one.inFlight);
  };
  await waitFor(async () => (await busy()).every((count) => count === 1), {
    every: 50,
    signal: AbortSignal.timeout(20_000),
  });
  const late = [get(host, "/gate"), get(host, "/gate")];
  const refused = await Promise.race(late);
  expect([refused.status, refused.headers["x-paas-error"], await busy()]).toEqual([503, "H11", [1, 1]]);
  for (const name of ["web.1", "web.2"]) await get(shop.host, "/open", { headers: { "x-paas-instance": name } });
  const statuses = (await Promise.all([...first, ...late])).map((answer) => answer.status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 503]);
});

test("an answer has its time, and a request as a whole", async () => {
  const host = await route("times", "--first-byte-timeout", "500ms");
  const codeOf = async () => (await get(host, "/silent")).headers["x-paas-error"];
  expect(await codeOf()).toBe("H12");
  await shop.mustCli("routes:set", host, "--unset", "timeouts");
  await shop.mustCli("routes:set", host, "--request-timeout", "500ms");
  expect(await codeOf()).toBe("H12");
  expect((await get(host)).status).toBe(200);
});

test.each([
  ["client", { localAddress: "127.0.0.2" }, { localAddress: "127.0.0.3" }],
  ["header:X-Who", { headers: { "x-who": "a" } }, { headers: { "x-who": "b" } }],
  ["cookie:key", { headers: { cookie: "key=a" } }, { headers: { cookie: "key=b" } }],
])("requests of one %s beyond the rate get 429 and are told when to come again", async (by, one, other) => {
  const host = await route(`rate-${by.split(":")[0]}`, "--rate-limit", "3/1h", "--rate-by", by);
  const answers: HttpAnswer[] = [];
  for (let i = 0; i < 4; i++) answers.push(await get(host, "/", one));
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429]);
  expect(answers[3]?.headers["x-paas-error"]).toBe("rate_limited");
  const seconds = Number(answers[3]?.headers["retry-after"]);
  expect(seconds).toBeGreaterThan(1_100);
  expect(seconds).toBeLessThanOrEqual(1_200);
  expect((await get(host, "/", other)).status).toBe(200);
});

test("bodies are limited, and the addresses that may come", async () => {
  const host = await route("limits", "--max-body", "1K");
  const send = (bytes: number) => get(host, "/", { method: "POST", body: "x".repeat(bytes) });
  expect((await send(1_000)).status).toBe(200);
  const big = await send(2_000);
  expect([big.status, big.headers["x-paas-error"]]).toEqual([413, "body_too_large"]);
  const verdict = async (localAddress: string) => (await get(host, "/", { localAddress })).headers["x-paas-error"];
  await shop.mustCli("routes:set", host, "--deny", "127.0.0.2");
  expect([await verdict("127.0.0.2"), await verdict("127.0.0.3")]).toEqual(["ip_denied", undefined]);
  await shop.mustCli("routes:set", host, "--allow", "10.0.0.0/8,127.0.0.2", "--unset", "deny");
  expect([await verdict("127.0.0.2"), await verdict("127.0.0.3")]).toEqual([undefined, "ip_denied"]);
});

test("answers are kept and compressed, until they are purged", async () => {
  const host = await route("cache", "--cache", "--compress");
  const target = "/long?cache-control=max-age%3D600&content-type=text/plain";
  const first = await get(host, target);
  expect((await get(host, target)).body).toBe(first.body);
  expect((await get(host, target)).headers["cache-status"]).toMatch(/^paas; hit/);
  const never = "/?cache-control=no-store";
  expect((await seen(host, never)).at).not.toBe((await seen(host, never)).at);
  const inLanguage = async (language: string) =>
    (await seen(host, "/?cache-control=max-age%3D600&vary=x-lang", { headers: { "x-lang": language } })).at;
  const english = await inLanguage("en");
  expect(await inLanguage("de")).not.toBe(english);
  expect(await inLanguage("en")).toBe(english);
  const gzip = await get(host, target, { headers: { "accept-encoding": "gzip" } });
  expect([gzip.headers["content-encoding"], gzip.headers.vary]).toEqual(["gzip", "Accept-Encoding"]);
  expect((await shop.mustCli("routes:purge", host, "/long")).stdout).toMatch(/Forgot [12] stored answer/);
  expect((await get(host, target)).body).not.toBe(first.body);
});

test("passwords and another service's word stand before the app", async () => {
  const host = await route("auth");
  const set = await withSecret("correct horse\n", "routes:set", host, "--basic-auth", "ann");
  expect(set.code).toBe(0);
  expect((await get(host)).status).toBe(401);
  const authorization = `Basic ${Buffer.from("ann:correct horse").toString("base64")}`;
  expect((await seen(host, "/", { headers: { authorization } })).headers["x-forwarded-user"]).toBe("ann");
  const info = await paas.json<RouteInfo>(["routes:info", host]);
  expect(info.policy.basicAuth).toEqual({ users: ["ann"] });
  const asked = await route("asked", "--forward-auth", helperUrl, "--forward-auth-headers", "X-User");
  expect((await get(asked)).status).toBe(403);
  expect((await seen(asked, "/", { headers: { cookie: "key=good", "x-user": "forged" } })).headers["x-user"]).toBe(
    "ann",
  );
});

test("people sign in with an OpenID Connect provider before they reach the app", async () => {
  const host = await route("oidc");
  const url = (target: string) => `http://${host}:${paas.httpPort}${target}`;
  await using provider = await startIdentityProvider(url("/.paas/signed-in"));
  const oidc = (issuer: string) => {
    const flags = ["--oidc", issuer, "--oidc-client", provider.clientId, "--oidc-allow", "ann@example.test"];
    return withSecret(provider.clientSecret, "routes:set", host, ...flags);
  };
  const set = await oidc(provider.issuer);
  expect([set.code, set.output]).toEqual([0, expect.not.stringContaining(provider.clientSecret)]);
  const forged = { "x-forwarded-user": "ann", "x-forwarded-email": "ann@example.test" };
  expect((await get(host, "/", { headers: forged })).status).toBe(401);
  const page = await new Browser().signIn(url("/basket?item=1"), "ann");
  expect([page.status, page.url.href]).toEqual([200, url("/basket?item=1")]);
  const { url: target, headers } = JSON.parse(page.body) as Seen;
  const { "x-forwarded-user": user, "x-forwarded-email": email, cookie } = headers;
  expect([target, user, email, cookie]).toEqual(["/basket?item=1", "ann", "ann@example.test", undefined]);
  expect((await new Browser().signIn(url("/"), "bob")).status).toBe(403);
  await oidc("http://127.0.0.1:9");
  const away = await get(host, "/", { headers: { accept: "text/html" } });
  expect([away.status, away.headers["x-paas-error"]]).toEqual([503, "auth_unavailable"]);
});

test("no secret of a route is in the clear on disk", async () => {
  const found = await runCommand(
    ["grep", "-rlaE", "--exclude-dir=compile-cache", "correct horse|scrypt[$]16384|hush hush", paas.home],
    { env: paas.env },
  );
  expect(found.stdout.trim()).toBe("");
  expect((await paas.must(["stat", "-c", "%a", `${paas.home}/router/table.json`])).stdout.trim()).toBe("600");
});

test("headers, paths and redirects", async () => {
  await shop.mustCli("map-route", "shop", "paths.example.test", "--path", "/api");
  const flags = ["--strip-prefix", "--rewrite", "/v1 /internal", "--redirect", "/api/old/* /api/new/* 301"];
  const headers = ["--set-header", "X-Env: live", "--set-response-header", "X-Frame-Options: DENY"];
  headers.push("--remove-header", "Cookie", "--remove-response-header", "X-Inner");
  await shop.mustCli("routes:set", "paths.example.test/api", ...flags, ...headers);
  const answer = await get("paths.example.test", "/api/v1/x?x-inner=1", { headers: { cookie: "a=1" } });
  const { url, headers: got } = JSON.parse(answer.body) as Seen;
  expect([url, got["x-env"], answer.headers["x-frame-options"]]).toEqual(["/internal/x?x-inner=1", "live", "DENY"]);
  expect([got["cookie"], answer.headers["x-inner"]]).toEqual([undefined, undefined]);
  const moved = await get("paths.example.test", "/api/old/a");
  expect([moved.status, moved.headers.location]).toEqual([301, "/api/new/a"]);
});

test("a route service sees requests before the app", async () => {
  const host = await route("service", "--route-service", helperUrl);
  expect((await seen(host, "/a")).headers["x-by-service"]).toBe("yes");
  const forged = { "x-cf-proxy-signature": "AAAA", "x-cf-proxy-metadata": "AAAA" };
  const refused = await get(host, "/a", { headers: forged });
  expect([refused.status, refused.headers["x-paas-error"]]).toEqual([502, "bad_signature"]);
});

test("maintenance and error pages are the app's own", async () => {
  await shop.write({ "sorry.html": "<h1>sorry</h1>", "soon.html": "<h1>soon</h1>" });
  await shop.mustCli("maintenance", "on", "--page", "soon.html");
  const page = await get(shop.host, "/", { headers: { accept: "text/html" } });
  expect([page.status, page.headers["x-paas-error"], page.body]).toEqual([503, "H80", "<h1>soon</h1>"]);
  await shop.mustCli("maintenance", "off");
  await shop.mustCli("errors:set", "H14", "sorry.html");
  await shop.mustCli("ps:stop");
  const down = await get(shop.host, "/", { headers: { accept: "text/html" } });
  expect([down.status, down.body]).toEqual([503, "<h1>sorry</h1>"]);
  await shop.mustCli("ps:start");
});

test("held requests wait for what takes the place of the old instances", async () => {
  await shop.mustCli("hold", "60s");
  const held = seen(shop.host);
  await shop.mustCli("ps:stop");
  await shop.mustCli("ps:start");
  await shop.mustCli("hold", "off");
  expect((await held).instance).toMatch(/^web\./);
});

/** Takes a second to listen, and says when it begins and ends. */
const slow = (version: string) => ({
  ...app,
  "server.js": `
const http = require("node:http");
console.log("begin ${version}");
process.on("SIGTERM", () => { console.log("end ${version}"); process.exit(0); });
const server = http.createServer((req, res) => res.end("${version}"));
setTimeout(() => server.listen(process.env.PORT), 1000);
`,
});

test("an app whose releases may not overlap is stopped first, and its requests wait", async () => {
  const single = await paas.app("single", slow("one"));
  await single.mustPush();
  expect((await single.mustCli("strategy")).stdout).toContain("Deploys of single are rolling");
  expect(await paas.json(["strategy", "recreate", "-a", "single"])).toEqual({ strategy: "recreate" });
  await using load = startLoad(() => paas.httpPort, single.host, 20);
  await single.commit(slow("two"), "two");
  expect((await single.mustPush()).output).toContain("Stopping v1 first");
  expect(await single.body()).toBe("two");
  // One that does not come up gives the place back.
  await single.commit({ "server.js": "process.exit(3);" }, "broken");
  expect((await single.push()).output).toContain("exited with code 3");
  expect(await single.body()).toBe("two");
  await single.mustCli("ps:restart");
  await load.stop();
  expect(load.failures).toEqual([]);
  expect([...load.bodies]).toEqual(["one", "two"]);
  const { stdout } = await single.mustCli("logs", "-n", "500", "--ps", "web.1");
  const seen = stdout.match(/(?:begin|end) (?:one|two)/g) ?? [];
  expect(seen).toEqual(
    ["begin one", "end one", ...Array.from({ length: 3 }, () => ["begin two", "end two"]).flat()].slice(0, -1),
  );
});

test("requests wait for an app that is being started", async () => {
  const single = await paas.app("later", slow("later"));
  await single.mustPush();
  await single.mustCli("ps:stop");
  expect((await single.get("/")).headers["x-paas-error"]).toBe("H14");
  const started = single.mustCli("ps:start");
  let first = await single.get("/");
  while (first.headers["x-paas-error"] === "H14") first = await single.get("/");
  expect([first.status, first.body]).toEqual([200, "later"]);
  await started;
  const { instances } = await paas.json<{ instances: { container: string }[] }>(["ps", "-a", "later"]);
  await connectDocker()
    .getContainer(instances[0]?.container ?? "")
    .kill();
  const after = await Promise.all(Array.from({ length: 5 }, () => single.get("/")));
  expect(after.map(({ status, headers }) => [status, headers["x-paas-error"]])).toEqual(
    after.map(() => [200, undefined]),
  );
});

test("a route that others share is divided by weight; without a weight it has one owner", async () => {
  const host = await route("split");
  const next = await paas.app("next", app);
  await next.mustPush();
  const taken = await paas.cli(["map-route", "next", host]);
  expect([taken.code, taken.output]).toEqual([1, expect.stringContaining('belongs to app "shop"')]);
  await shop.mustCli("map-route", "shop", host, "--weight", "1");
  await next.mustCli("map-route", "next", host, "--weight", "1");
  await shop.mustCli("ps:scale", "web=1");
  const apps = new Set<string>();
  for (let i = 0; i < 30; i++) apps.add((await seen(host)).app);
  expect(apps).toEqual(new Set(["shop", "next"]));
  const view = await paas.json<RouterView>(["router"]);
  expect(view.instances.filter((one) => one.app === "next")).toHaveLength(1);
  const info = await paas.json<RouteInfo>(["routes:info", host]);
  expect(info.shares).toEqual([{ appName: "next", type: "web", weight: 1 }]);
  await next.mustCli("unmap-route", "next", host);
  expect((await paas.json<RouteInfo>(["routes:info", host])).shares).toEqual([]);
});

test("a port leads to a process of the app, and has one owner", async () => {
  const port = String(await freePort());
  await shop.mustCli("map-route", "shop", "--port", port);
  const raw = await request(Number(port), "raw.test", "/tcp");
  expect([raw.status, (JSON.parse(raw.body) as Seen).url, raw.headers["via"]]).toEqual([200, "/tcp", undefined]);
  expect((await shop.mustCli("routes")).stdout).toMatch(new RegExp(`^:${port} +shop +web +tcp$`, "m"));
  const taken = await paas.cli(["map-route", "next", "--port", port]);
  expect([taken.code, taken.output]).toEqual([1, expect.stringContaining(`Port ${port} belongs to app "shop"`)]);
  const own = await shop.cli("map-route", "shop", "--port", String(paas.httpPort));
  expect(own.output).toContain("belongs to the platform itself");
  await shop.mustCli("delete-route", "--port", port);
  await expect(request(Number(port), "raw.test", "/tcp")).rejects.toThrow("ECONNREFUSED");
});

test("an app that speaks HTTP/2 to its clients, as gRPC does, is reached by HTTP/2 from end to end", async () => {
  const rpc = await paas.app("rpc", {
    ...app,
    "server.js": `
require("node:http2").createServer().on("stream", (stream, headers) => {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "x-path": headers[":path"] }));
  stream.pipe(stream);
}).listen(process.env.PORT);
`,
  });
  await rpc.mustPush();
  await rpc.mustCli("routes:set", rpc.host, "--protocol", "grpc");
  const session = http2.connect(`https://127.0.0.1:${paas.httpsPort}`, {
    servername: rpc.host,
    rejectUnauthorized: false,
  });
  const stream = session.request({
    ":authority": rpc.host,
    ":path": "/shop.Cart/Add",
    ":method": "POST",
    te: "trailers",
  });
  const trailers = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once("trailers", resolve));
  stream.end("message");
  let body = "";
  for await (const chunk of stream) body += String(chunk);
  expect([body, await trailers]).toMatchObject(["message", { "grpc-status": "0", "x-path": "/shop.Cart/Add" }]);
  session.destroy();
});

test("a random name, a wildcard, and what the router is doing", async () => {
  await shop.mustCli("map-route", "shop", "wild.example.test", "--hostname", "*");
  expect((await seen("any.thing.wild.example.test")).url).toBe("/");
  const made = await paas.json<{ host: string }>(["map-route", "shop", "example.test", "--random-route"]);
  expect(made.host).toMatch(/^[a-z]+-[a-z]+-\d{4}\.example\.test$/);
  expect((await seen(made.host)).url).toBe("/");
  const view = await paas.json<RouterView>(["router"]);
  const traffic = view.apps.find((one) => one.app === "shop");
  expect(traffic?.requests).toBeGreaterThan(20);
  expect(traffic?.p99Ms).toBeGreaterThan(0);
  expect(view.failures["rate_limited"]).toBe(3);
  const token = await paas.json<{ token: string }>(["tokens:create", "prometheus"]);
  const metrics = await fetch(`http://127.0.0.1:${paas.env["PAAS_API_PORT"]}/metrics`, {
    headers: { authorization: `Bearer ${token.token}` },
  });
  expect(await metrics.text()).toContain('paas_router_requests_total{app="shop",code="2xx"}');
  expect((await fetch(`http://127.0.0.1:${paas.env["PAAS_API_PORT"]}/metrics`)).status).toBe(401);
});
