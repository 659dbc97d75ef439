import { expect, test } from "vitest";
import { fakeApi, tokens } from "../../support/fake-api.ts";
import { fakeState } from "../../support/fake-platform.ts";
import { ask } from "./request.ts";

const open = ["/healthz", "/v1/whoami"];
const git = /^\/:repository\//;

/** Everything that answers, without the middleware, which is registered for all paths. */
function endpoints(): readonly { readonly method: string; readonly path: string }[] {
  const seen = new Map<string, { method: string; path: string }>();
  for (const { method, path } of fakeApi(fakeState()).app.routes) {
    if (!path.includes("*") && method !== "ALL") seen.set(`${method} ${path}`, { method, path });
  }
  return [...seen.values()];
}

const guarded = endpoints().filter(({ path }) => !open.includes(path) && !git.test(path));

test("there are endpoints to check", () => {
  expect(guarded.length).toBeGreaterThan(40);
});

test.each(guarded)("$method $path is refused to who has no rights", async ({ method, path }) => {
  const state = fakeState("shop");
  const response = await ask(fakeApi(state), path.replaceAll(/:[a-z]+/g, "shop"), { method, token: tokens.bob });
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ error: { code: "FORBIDDEN" } });
  expect(state.done).toEqual([]);
});

test.each(guarded)("$method $path is refused without a token", async ({ method, path }) => {
  const response = await ask(fakeApi(fakeState("shop")), path.replaceAll(/:[a-z]+/g, "shop"), { method, token: "" });
  expect(response.status).toBe(401);
});

test("rights are asked for the app that the path names", async () => {
  const asked: unknown[] = [];
  const api = fakeApi(fakeState("shop"), {
    authorize: (actor, verb, resource) => asked.push([actor.name, verb, resource]),
  });
  await ask(api, "/v1/services/db/bindings/shop", { method: "PUT" });
  expect(asked).toEqual([
    ["ann", "service:change", { app: "shop", service: "db", user: undefined }],
    ["ann", "app:change", { app: "shop", service: "db", user: undefined }],
  ]);
});

test("the audit trail has what was let through, on streams too, and not what was refused or only read", async () => {
  const state = fakeState("shop");
  const api = fakeApi(state);
  await ask(api, "/v1/apps/shop/scale", { method: "POST", json: { counts: { web: 2 } } });
  await ask(api, "/v1/apps/shop/scale", { method: "POST", json: { counts: { web: 2 } }, token: tokens.bob });
  await ask(api, "/v1/apps/shop/processes");
  await ask(api, "/v1/apps", { method: "POST", json: { name: "blog" } });
  await ask(api, "/v1/services/db/bindings/shop", { method: "PUT" });
  expect(await (await ask(api, "/v1/audit?count=2")).json()).toEqual([
    { at: 0, actor: "ann", verb: "bind-service", resource: "shop" },
    { at: 0, actor: "ann", verb: "apps:create", resource: "blog" },
  ]);
  expect(state.audit.map(({ verb }) => verb)).toEqual(["bind-service", "apps:create", "ps:scale"]);
});

test("git is asked for a password in the way that makes it ask its credential helper", async () => {
  const response = await ask(fakeApi(fakeState()), "/shop.git/info/refs?service=git-receive-pack", { token: "" });
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toBe('Basic realm="paas"');
});

test("a token may come as the password of basic authentication", async () => {
  const authorization = `Basic ${Buffer.from(`paas:${tokens.ann}`).toString("base64")}`;
  const response = await ask(fakeApi(fakeState()), "/v1/whoami", { token: "", headers: { authorization } });
  expect(await response.json()).toEqual({ kind: "user", name: "ann", role: "admin" });
});

test("who reaches the socket without a token is the owner, with a token the token's user", async () => {
  const api = fakeApi(fakeState());
  const owner = await ask(api, "/v1/whoami", { peer: "unix", token: "" });
  expect(await owner.json()).toEqual({ kind: "owner", name: "owner", role: "admin" });
  const ann = await ask(api, "/v1/whoami", { peer: "unix", token: tokens.ann });
  expect(await ann.json()).toEqual({ kind: "user", name: "ann", role: "admin" });
  const stranger = await ask(api, "/v1/whoami", { peer: "unix", token: "unknown" });
  expect(stranger.status).toBe(401);
});

test.each<Record<string, string>>([
  { "x-forwarded-for": "127.0.0.1" },
  { "x-forwarded-user": "ann", "x-remote-user": "ann" },
  { "x-forwarded-host": "localhost", forwarded: "for=127.0.0.1;host=localhost" },
])("headers that a proxy might set grant nothing: %o", async (headers) => {
  const response = await ask(fakeApi(fakeState()), "/v1/whoami", { token: "", headers });
  expect(response.status).toBe(401);
});

test.each(["127.0.0.1:7070", "localhost:7070", "[::1]:7070", "paas.apps.test", "PAAS.apps.test:8080"])(
  "answers to its own host name %s",
  async (host) => {
    expect((await ask(fakeApi(fakeState()), "/healthz", { token: "", headers: { host } })).status).toBe(200);
  },
);

test.each(["evil.test", "shop.apps.test", "127.0.0.1.evil.test", "paas.apps.test.evil.test", "localhost@evil.test"])(
  "does not answer to a host name of somebody else: %s",
  async (host) => {
    const response = await ask(fakeApi(fakeState()), "/v1/whoami", { headers: { host } });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "HOST_REFUSED" } });
  },
);

test("the daemon is ready only when every door listens, and says which does not", async () => {
  const closed: string[] = [];
  const api = fakeApi(fakeState(), { closedDoors: () => closed });
  expect((await ask(api, "/healthz", { token: "" })).status).toBe(200);
  closed.push("ssh on port 2222: is held by sshd (process 7)");
  const response = await ask(api, "/healthz", { token: "" });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ ok: false, closed });
});
