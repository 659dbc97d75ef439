import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RoutePolicy } from "../../../server/router/policy/route-policy.ts";
import type { Target } from "../../../server/router/protocol.ts";
import { hashPassword } from "../../../server/routes/policies.ts";
import {
  ask,
  type AskOptions,
  eventually,
  type Instance,
  listen,
  routeTo,
  sendRaw,
  startDataPath,
  startInstance,
  type TestRouter,
} from "./harness.ts";

let instances: readonly Instance[];
let router: TestRouter;
/** Requests that reached an instance. */
let reached = 0;
let gates: (() => void)[] = [];

beforeAll(async () => {
  const start = (index: number) =>
    startInstance((req, res) => {
      reached += 1;
      const url = new URL(req.url ?? "/", "http://x");
      res.setHeader("X-Instance", String(index));
      for (const [name, value] of url.searchParams) if (name.startsWith("h-")) res.setHeader(name.slice(2), value);
      if (url.pathname.endsWith("/slow")) {
        gates.push(() => res.end("slow"));
        return;
      }
      if (url.pathname.endsWith("/long")) {
        res.setHeader("Content-Type", "text/plain");
        res.end("long ".repeat(5_000));
        return;
      }
      if (req.headers["if-none-match"] === '"v1"' && url.searchParams.get("h-etag") === '"v1"') {
        res.writeHead(304).end();
        return;
      }
      let body = "";
      req.on("data", (chunk: Buffer) => (body += chunk.toString()));
      req.on("end", () => res.end(JSON.stringify({ index, url: req.url, headers: req.headers, body, count: reached })));
    });
  instances = [await start(1), await start(2), await start(3)];
  router = await startDataPath([]);
});
afterAll(async () => {
  await router[Symbol.asyncDispose]();
  for (const instance of instances) await instance[Symbol.asyncDispose]();
});

const targets = (): readonly Target[] => instances.map((instance, i) => ({ ...instance.target, name: `web.${i + 1}` }));

function use(policy: RoutePolicy, host: string, change: { path?: string; targets?: readonly Target[] } = {}): void {
  const route = routeTo(change.targets ?? targets(), { host, path: change.path ?? "/", appId: "idshop" });
  router.apply([{ ...route, policy }]);
}

interface Seen {
  readonly index: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
const seen = async (host: string, options: Omit<AskOptions, "host"> = {}): Promise<Seen> => {
  const answer = await ask(router.port, { host, ...options });
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body) as Seen;
};
const lastLine = () => router.records.at(-1)?.text ?? "";

test("least connections gives the next request to the one that is idle", async () => {
  use({ balance: "least-connections" }, "least.test", { targets: targets().slice(0, 2) });
  gates = [];
  const slow = ask(router.port, { host: "least.test", path: "/slow" });
  await eventually(() => gates.length === 1);
  const indexes: number[] = [];
  for (let i = 0; i < 4; i++) indexes.push((await seen("least.test")).index);
  gates[0]?.();
  const busy = Number((await slow).headers["x-instance"]);
  expect(new Set(indexes).has(busy)).toBe(false);
});

test("a client stays with its instance by the router's cookie, and gets another when that is gone", async () => {
  use({ sticky: {} }, "sticky.test");
  const first = await ask(router.port, { host: "sticky.test" });
  const cookie = first.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  expect(cookie).toMatch(/^paas_instance=/);
  const { index } = JSON.parse(first.body) as Seen;
  for (let i = 0; i < 5; i++) expect((await seen("sticky.test", { headers: { cookie } })).index).toBe(index);
  use({ sticky: {} }, "sticky.test", { targets: targets().filter((one) => one.name !== `web.${index}`) });
  const moved = await ask(router.port, { host: "sticky.test", headers: { cookie } });
  expect(moved.headers["set-cookie"]?.[0]).toMatch(/^paas_instance=/);
});

test("with the app's session cookie it begins when the app sets it (__VCAP_ID__)", async () => {
  use({ sticky: { cookie: "JSESSIONID" } }, "session.test");
  const plain = await ask(router.port, { host: "session.test" });
  expect(plain.headers["set-cookie"]).toBeUndefined();
  const login = await ask(router.port, { host: "session.test", path: "/?h-set-cookie=JSESSIONID%3D1%3B+Secure" });
  const [own, bound] = login.headers["set-cookie"] ?? [];
  expect([own, bound]).toEqual([
    "JSESSIONID=1; Secure",
    expect.stringMatching(/^__VCAP_ID__=\w+; Path=\/; HttpOnly; Secure$/),
  ]);
  const cookie = `JSESSIONID=1; ${bound?.split(";")[0]}`;
  for (let i = 0; i < 5; i++) {
    expect((await seen("session.test", { headers: { cookie } })).index).toBe((JSON.parse(login.body) as Seen).index);
  }
});

test("X-CF-App-Instance reaches one instance, also without a policy, and is not passed on", async () => {
  router.apply([routeTo(targets(), { host: "pin.test", appId: "idshop" })]);
  for (let i = 0; i < 4; i++) {
    const { index, headers } = await seen("pin.test", { headers: { "x-cf-app-instance": "idshop:1" } });
    expect([index, headers["x-cf-app-instance"]]).toEqual([2, undefined]);
  }
  expect((await seen("pin.test", { headers: { "x-paas-instance": "web.3" } })).index).toBe(3);
  expect((await seen("pin.test", { headers: { "x-cf-process-instance": "idshop:0" } })).index).toBe(1);
  const invalid = await ask(router.port, { host: "pin.test", headers: { "x-cf-app-instance": "idshop" } });
  expect([invalid.status, invalid.headers["x-paas-error"]]).toEqual([400, "bad_instance"]);
  const unknown = await ask(router.port, { host: "pin.test", headers: { "x-cf-app-instance": "idshop:9" } });
  expect([unknown.status, unknown.headers["x-paas-error"]]).toEqual([400, "unknown_instance"]);
});

test("a full instance gets no more: requests wait in line, beyond it H11, and the line moves on", async () => {
  const concurrency = { perInstance: 1, queue: 1, queueTimeoutMs: 20_000 };
  use({ concurrency }, "full.test", { targets: targets().slice(0, 1) });
  gates = [];
  const first = ask(router.port, { host: "full.test", path: "/slow" });
  await eventually(() => gates.length === 1);
  const second = ask(router.port, { host: "full.test", path: "/slow" });
  const refused = await waitForStatus("full.test", 503);
  expect([refused.headers["x-paas-error"], gates.length]).toEqual(["H11", 1]);
  gates[0]?.();
  await eventually(() => gates.length === 2);
  gates[1]?.();
  expect((await Promise.all([first, second])).map((answer) => answer.status)).toEqual([200, 200]);
  expect((await ask(router.port, { host: "full.test" })).status).toBe(200);
});

test("each worker has its share of a limit", async () => {
  const policy: RoutePolicy = { concurrency: { perInstance: 4, queue: 0, queueTimeoutMs: 0 } };
  const routes = [{ ...routeTo(targets().slice(0, 1), { host: "share.test" }), policy }];
  const front = { workers: 2, trustedProxies: [], proxyProtocol: false };
  router.dataPath.apply({ version: 50, routes, front });
  gates = [];
  const slow = [1, 2].map(() => ask(router.port, { host: "share.test", path: "/slow" }));
  await eventually(() => gates.length === 2);
  const refused = await ask(router.port, { host: "share.test", path: "/slow" });
  expect([refused.status, refused.headers["x-paas-error"]]).toEqual([503, "H22"]);
  for (const open of gates) open();
  await Promise.all(slow);
  router.apply([]);
});

/** The line is full once the one before stands in it. */
async function waitForStatus(host: string, status: number) {
  for (;;) {
    const pending = ask(router.port, { host, path: "/slow" });
    const answer = await Promise.race([pending, new Promise((resolve) => setTimeout(resolve, 200, undefined))]);
    if (answer !== undefined) return answer as Awaited<typeof pending>;
    if (status === 0) throw new Error("never");
  }
}

test("held requests wait for the new instances and reach them, none is lost", async () => {
  use({ hold: { until: Date.now() + 30_000 } }, "hold.test", { targets: [] });
  const held = [1, 2, 3].map(() => seen("hold.test"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  router.apply([routeTo(targets().slice(2), { host: "hold.test" })]);
  expect((await Promise.all(held)).map((one) => one.index)).toEqual([3, 3, 3]);
  use({ hold: { until: Date.now() + 100 } }, "hold.test", { targets: [] });
  expect((await ask(router.port, { host: "hold.test" })).status).toBe(503);
});

test("a client that leaves the hold takes nothing with it", async () => {
  use({ hold: { until: Date.now() + 30_000 } }, "hold.test");
  const before = reached;
  const client = connect(router.port, "127.0.0.1");
  client.write("GET /left HTTP/1.1\r\nHost: hold.test\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 100));
  client.resetAndDestroy();
  await eventually(() => lastLine().includes("code=H27"));
  router.apply([routeTo(targets(), { host: "hold.test" })]);
  await seen("hold.test", { path: "/next" });
  expect(reached).toBe(before + 1);
});

test("maintenance is H80 with the app's page, in the answer and in the log", async () => {
  use({ maintenance: { page: { html: "<h1>soon</h1>" } } }, "maint.test");
  const answer = await ask(router.port, { host: "maint.test", headers: { accept: "text/html" } });
  expect([answer.status, answer.headers["x-paas-error"], answer.body]).toEqual([503, "H80", "<h1>soon</h1>"]);
  expect(lastLine()).toMatch(/at=info code=H80 desc="Maintenance mode" .*dyno= .*status=503/);
  const head = await sendRaw(router.port, "HEAD / HTTP/1.1\r\nHost: maint.test\r\nConnection: close\r\n\r\n");
  expect(head).toMatch(/^HTTP\/1\.1 503 .*\r\n\r\n$/s);
});

test("the app's own pages stand for failures of the data path too", async () => {
  use({ errorPages: { H14: { html: "nobody home" } } }, "pages.test", { targets: [] });
  const html = await ask(router.port, { host: "pages.test", headers: { accept: "text/html" } });
  expect([html.status, html.headers["x-paas-error"], html.body]).toEqual([503, "H14", "nobody home"]);
  const json = await ask(router.port, { host: "pages.test", headers: { accept: "application/json" } });
  expect(JSON.parse(json.body)).toMatchObject({ error: { code: "H14" } });
});

test("times of the route: the first byte", async () => {
  use({ timeouts: { firstByteMs: 200 } }, "time.test");
  gates = [];
  const answer = await ask(router.port, { host: "time.test", path: "/slow" });
  expect([answer.status, answer.headers["x-paas-error"]]).toEqual([503, "H12"]);
});

test("requests beyond the rate get 429 with Retry-After", async () => {
  use({ rateLimit: { requests: 2, perMs: 60_000, by: "header:x-key" } }, "rate.test");
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) {
    statuses.push((await ask(router.port, { host: "rate.test", headers: { "x-key": "a" } })).status);
  }
  expect(statuses).toEqual([200, 200, 429, 429]);
  const other = await ask(router.port, { host: "rate.test", headers: { "x-key": "b" } });
  expect(other.status).toBe(200);
  const limited = await ask(router.port, { host: "rate.test", headers: { "x-key": "a" } });
  expect(Number(limited.headers["retry-after"])).toBeGreaterThan(20);
});

test("answers that may be kept are given from memory, whole and with their length", async () => {
  use({ cache: { maxEntryBytes: 100_000 } }, "cache.test");
  const path = "/?h-cache-control=max-age%3D60";
  const first = await ask(router.port, { host: "cache.test", path });
  expect(first.headers["cache-status"]).toBe("paas; fwd=uri-miss; stored");
  expect(first.headers["content-length"]).toBe(String(first.body.length));
  const again = await ask(router.port, { host: "cache.test", path });
  expect([again.body, again.headers["cache-status"]]).toEqual([first.body, expect.stringMatching(/^paas; hit/)]);
  const stale = "/?h-cache-control=no-cache&h-etag=%22v1%22";
  const kept = await ask(router.port, { host: "cache.test", path: stale });
  const asked = await ask(router.port, { host: "cache.test", path: stale });
  expect([asked.status, asked.body]).toEqual([200, kept.body]);
  expect(asked.headers["cache-status"]).toContain("fwd-status=304");
});

test("text is compressed on its way, and kept compressed", async () => {
  use({ compress: true, cache: { maxEntryBytes: 100_000 } }, "gzip.test");
  const options = {
    host: "gzip.test",
    path: "/long?h-cache-control=max-age%3D60",
    headers: { "accept-encoding": "gzip" },
  };
  for (let i = 0; i < 2; i++) {
    const answer = await ask(router.port, options);
    expect([answer.status, answer.headers["content-encoding"], answer.headers.vary]).toEqual([
      200,
      "gzip",
      "Accept-Encoding",
    ]);
    const body = Buffer.from(answer.body, "latin1");
    expect(body.length).toBeLessThan(2_000);
    expect(gunzipSync(body).toString()).toBe("long ".repeat(5_000));
  }
  const plain = await ask(router.port, { ...options, headers: {} });
  expect(plain.body).toBe("long ".repeat(5_000));
});

test("basic auth: nobody without, the app sees the name only", async () => {
  use({ basicAuth: { users: [{ name: "ann", hash: await hashPassword("correct horse") }] } }, "auth.test");
  const without = await ask(router.port, { host: "auth.test" });
  expect([without.status, without.headers["www-authenticate"]]).toEqual([401, expect.stringContaining("Basic realm=")]);
  const authorization = `Basic ${Buffer.from("ann:correct horse").toString("base64")}`;
  const { headers } = await seen("auth.test", { headers: { authorization, "x-forwarded-user": "root" } });
  expect([headers["x-forwarded-user"], headers["authorization"]]).toEqual(["ann", undefined]);
});

test("addresses are let in or not", async () => {
  use({ ipAllow: ["10.0.0.0/8"] }, "ip.test");
  const answer = await ask(router.port, { host: "ip.test" });
  expect([answer.status, answer.headers["x-paas-error"]]).toEqual([403, "ip_denied"]);
  use({ ipAllow: ["127.0.0.0/8"] }, "ip.test");
  expect((await ask(router.port, { host: "ip.test" })).status).toBe(200);
});

test("headers, redirects, rewrites and the prefix", async () => {
  use(
    {
      requestHeaders: { set: { "X-Env": "live" }, remove: ["X-Secret"] },
      responseHeaders: { set: { "X-Frame-Options": "DENY" }, remove: ["X-Instance"] },
      redirects: [{ from: "/api/old/*", to: "/api/new/*", status: 301 }],
      stripPrefix: true,
      rewrites: [{ from: "/v1", to: "/internal" }],
    },
    "paths.test",
    { path: "/api" },
  );
  const answer = await ask(router.port, { host: "paths.test", path: "/api/v1/x?q=1", headers: { "x-secret": "1" } });
  const { url, headers } = JSON.parse(answer.body) as Seen;
  expect([url, headers["x-env"], headers["x-secret"], headers["x-forwarded-prefix"]]).toEqual([
    "/internal/x?q=1",
    "live",
    undefined,
    "/api",
  ]);
  expect([answer.headers["x-frame-options"], answer.headers["x-instance"]]).toEqual(["DENY", undefined]);
  const moved = await ask(router.port, { host: "paths.test", path: "/api/old/a?b" });
  expect([moved.status, moved.headers.location, moved.headers["x-frame-options"]]).toEqual([
    301,
    "/api/new/a?b",
    "DENY",
  ]);
});

test("bodies are limited, also those that do not tell their length", async () => {
  use({ maxBodyBytes: 10 }, "body.test");
  expect((await seen("body.test", { method: "POST", body: "0123456789" })).body).toBe("0123456789");
  const told = await ask(router.port, { host: "body.test", method: "POST", body: "01234567890" });
  expect([told.status, told.headers["x-paas-error"]]).toEqual([413, "body_too_large"]);
  const chunked =
    "POST / HTTP/1.1\r\nHost: body.test\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n0\r\n\r\n";
  expect(await sendRaw(router.port, chunked)).toMatch(/^HTTP\/1\.1 413 /);
});

test("forward auth asks a service first", async () => {
  const service = createServer((req, res) => {
    if (req.headers.cookie === "ok=1") res.writeHead(204, { "X-User": "ann" }).end();
    else res.writeHead(302, { Location: `http://login.test${String(req.headers["x-forwarded-uri"])}` }).end();
  });
  const url = `http://127.0.0.1:${await listen(service)}/check`;
  use({ forwardAuth: { url, copyHeaders: ["X-User"] } }, "fa.test");
  const away = await ask(router.port, { host: "fa.test", path: "/a" });
  expect([away.status, away.headers.location]).toEqual([302, "http://login.test/a"]);
  expect((await seen("fa.test", { headers: { cookie: "ok=1", "x-user": "root" } })).headers["x-user"]).toBe("ann");
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
  const dead = await ask(router.port, { host: "fa.test", headers: { cookie: "ok=1" } });
  expect([dead.status, dead.headers["x-paas-error"]]).toEqual([503, "auth_unavailable"]);
});

test("a route service sees the request first, with a signature that only it can bring back", async () => {
  let forwarded: Readonly<Record<string, string | string[] | undefined>> = {};
  const service = createServer((req, res) => {
    forwarded = req.headers;
    const url = new URL(String(req.headers["x-cf-forwarded-url"]));
    const headers: Record<string, string> = { "x-service": "seen" };
    for (const name of ["x-cf-forwarded-url", "x-cf-proxy-signature", "x-cf-proxy-metadata"]) {
      headers[name] = String(req.headers[name]);
    }
    void ask(router.port, { host: url.host, path: url.pathname + url.search, headers }).then((answer) =>
      res.writeHead(answer.status, { "X-CF-Proxy-Signature": "leak" }).end(answer.body),
    );
  });
  const port = await listen(service);
  use(
    { routeService: { url: `http://127.0.0.1:${port}/waf`, key: Buffer.alloc(32, 7).toString("base64") } },
    "rs.test",
  );
  const answer = await ask(router.port, { host: "rs.test", path: "/a?b=1" });
  const { url, headers } = JSON.parse(answer.body) as Seen;
  expect([url, headers["x-service"], headers["x-cf-proxy-signature"], headers["x-cf-forwarded-url"]]).toEqual([
    "/a?b=1",
    "seen",
    undefined,
    undefined,
  ]);
  expect([forwarded["host"], forwarded["x-cf-forwarded-url"]]).toEqual([`127.0.0.1:${port}`, "http://rs.test/a?b=1"]);
  expect(answer.headers["x-cf-proxy-signature"]).toBeUndefined();
  const stolen = {
    "x-cf-forwarded-url": String(forwarded["x-cf-forwarded-url"]),
    "x-cf-proxy-signature": String(forwarded["x-cf-proxy-signature"]),
    "x-cf-proxy-metadata": String(forwarded["x-cf-proxy-metadata"]),
  };
  for (const [path, change] of [
    ["/other", {}],
    ["/a", { "x-cf-proxy-signature": "AAAA" }],
  ] as const) {
    const bad = await ask(router.port, { host: "rs.test", path, headers: { ...stolen, ...change } });
    expect([bad.status, bad.headers["x-paas-error"]]).toEqual([502, "bad_signature"]);
  }
  const upgrade = await ask(router.port, { host: "rs.test", headers: { connection: "upgrade", upgrade: "websocket" } });
  expect([upgrade.status, upgrade.headers["x-paas-error"]]).toEqual([503, "no_upgrade"]);
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
  const dead = await ask(router.port, { host: "rs.test" });
  expect([dead.status, dead.headers["x-paas-error"]]).toEqual([502, "route_service_failed"]);
});

test("a route service is reached by TLS, and only with a certificate that can be trusted", async () => {
  let asked = 0;
  const service = createSecureServer({ key: serviceKey, cert: serviceCertificate }, (req, res) => {
    asked += 1;
    res.end(`no ${String(req.headers["x-cf-forwarded-url"])}${"!".repeat(200_000)}`);
  });
  const url = `https://localhost:${await listen(service)}/`;
  const key = Buffer.alloc(32, 7).toString("base64");
  use({ routeService: { url, key } }, "tls.test");
  const stranger = await ask(router.port, { host: "tls.test" });
  expect([stranger.headers["x-paas-error"], asked]).toEqual(["route_service_failed", 0]);
  const before = getCACertificates();
  setDefaultCACertificates([...before, serviceCertificate]);
  use({ routeService: { url, key } }, "tls.test", { targets: [] });
  const answer = await ask(router.port, { host: "tls.test", path: "/a", method: "POST", body: "x".repeat(100_000) });
  expect([answer.status, answer.body]).toEqual([200, `no http://tls.test/a${"!".repeat(200_000)}`]);
  setDefaultCACertificates(before);
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

test("weights divide a route between apps", async () => {
  const [a, b] = targets();
  if (a === undefined || b === undefined) throw new Error("no targets");
  const shared = [
    { ...a, share: { group: "old", weight: 3 } },
    { ...b, share: { group: "new", weight: 1 } },
  ];
  router.apply([routeTo(shared, { host: "weight.test" })]);
  let news = 0;
  for (let i = 0; i < 200; i++) if ((await seen("weight.test")).index === 2) news += 1;
  expect(news).toBeGreaterThan(20);
  expect(news).toBeLessThan(90);
});

test("a load balancer's monitor gets a word of health where no route answers, and is routed where one does", async () => {
  use({}, "monitored.test");
  const headers = { "user-agent": "HTTP-Monitor/1.1" };
  const health = await ask(router.port, { host: "10.0.0.1", headers });
  expect([health.status, health.body, health.headers["cache-control"]]).toEqual([200, "ok\n", "private, max-age=0"]);
  expect((await ask(router.port, { host: "10.0.0.1" })).status).toBe(404);
  expect((await seen("monitored.test", { headers })).headers["user-agent"]).toBe("HTTP-Monitor/1.1");
});

// For localhost, until 2126. Of no use to anybody else.
const serviceKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqeUyf9fjmDoodL3K
XUEneA8MDk9yE2yHXb90l4uxwf2hRANCAASc/QPmIICvGmB9PrsGM1qcd6PsEcfQ
XX2FcJc9HyN3NOzrP9OAJE9+sWoT82I03Oi0BRnY9lf9CeLJPyTi/tl4
-----END PRIVATE KEY-----`;
const serviceCertificate = `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUJi6DhKWgOEoX3Is8lCu3n9hq13AwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTE2MTExNVoYDzIxMjYxMTAx
MTYxMTE1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASc/QPmIICvGmB9PrsGM1qcd6PsEcfQXX2FcJc9HyN3NOzrP9OAJE9+
sWoT82I03Oi0BRnY9lf9CeLJPyTi/tl4o2kwZzAdBgNVHQ4EFgQU/d8vixmI/g3t
Vf2aSEDQ+th6sJowHwYDVR0jBBgwFoAU/d8vixmI/g3tVf2aSEDQ+th6sJowDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIhANrk7kLHQmI7ErAiXk3Itmpj89AJu6kl8tB+hO4d1Vf2AiBCfc4H6Ppa
t2n99dBx/DJT7Yo+w9zJLQbAEcBNs1Y0Zg==
-----END CERTIFICATE-----`;
