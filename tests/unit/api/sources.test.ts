import { expect, test } from "vitest";
import { fakeApi } from "../../support/fake-api.ts";
import { fakeState } from "../../support/fake-platform.ts";
import { ask, recordsOf } from "./request.ts";

test.each([
  [{ kind: "image", ref: "nginx:1.27" }, 'deploy shop {"kind":"image","ref":"nginx:1.27"} by ann'],
  [
    { kind: "archive", url: "https://x.test/a.zip" },
    'deploy shop {"kind":"archive","url":"https://x.test/a.zip"} by ann',
  ],
  [
    { kind: "git", url: "https://x.test/a", ref: "v2" },
    'deploy shop {"kind":"git","url":"https://x.test/a","ref":"v2"} by ann',
  ],
])("a build is made from %o", async (json, done) => {
  const state = fakeState("shop");
  const response = await ask(fakeApi(state), "/v1/apps/shop/builds", { method: "POST", json });
  expect(await recordsOf(response)).toContainEqual({ type: "result", ok: true, value: { version: 4 } });
  expect(state.done).toEqual([done]);
  expect(state.audit[0]).toMatchObject({ verb: "builds:create", resource: "shop" });
});

test.each([
  {},
  { kind: "upload", name: "x", upload: { path: "/etc/passwd" } },
  { kind: "git", url: "https://x.test/a", ref: "--upload-pack=x" },
  { kind: "image", ref: "" },
])("%o is no source", async (json) => {
  const state = fakeState("shop");
  const response = await ask(fakeApi(state), "/v1/apps/shop/builds", { method: "POST", json });
  expect(response.status).toBe(422);
  expect(state.done).toEqual([]);
});

test("an archive may be larger than other bodies, and is gone once it is deployed", async () => {
  const state = fakeState("shop");
  const body = "x".repeat(3 * 1024 * 1024);
  const asked = await ask(fakeApi(state), "/v1/apps/shop/builds/archive?name=shop.zip", { method: "POST", body });
  expect(await recordsOf(asked)).toContainEqual({ type: "result", ok: true, value: { version: 4 } });
  expect(state.done).toEqual(['deploy shop {"kind":"upload","name":"shop.zip","upload":"3145728 bytes"} by ann']);
  const limited = await ask(fakeApi(state), "/v1/apps/shop/builds", { method: "POST", body });
  expect(limited.status).toBe(413);
});

test("a deploy ends with the client that waits for it", async () => {
  const state = fakeState("shop");
  state.gate = new Promise(() => undefined);
  const json = { kind: "image", ref: "nginx" };
  const response = await ask(fakeApi(state), "/v1/apps/shop/builds", { method: "POST", json });
  await response.body?.cancel();
  await expect.poll(() => state.done).toEqual(["deploy of shop cancelled"]);
});

test("a deploy that nobody waits for goes on", async () => {
  const state = fakeState("shop");
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const json = { kind: "image", ref: "nginx" };
  const response = await ask(fakeApi(state), "/v1/apps/shop/builds?detach=true", { method: "POST", json });
  expect(await recordsOf(response)).toEqual([{ type: "result", ok: true, value: {} }]);
  expect(state.done).toEqual([]);
  gate.resolve();
  await expect.poll(() => state.done).toHaveLength(1);
  const missing = await ask(fakeApi(state), "/v1/apps/nope/builds?detach=true", { method: "POST", json });
  expect(await recordsOf(missing)).toMatchObject([{ ok: false, error: { code: "APP_NOT_FOUND" } }]);
});

test("settings of builds are changed one by one", async () => {
  const state = fakeState("shop");
  const path = "/v1/apps/shop/builds/settings";
  const response = await ask(fakeApi(state), path, { method: "PATCH", json: { root: "apps/web" } });
  expect(await response.json()).toEqual({ root: "apps/web", shippedEnvFiles: [], onDisconnect: "cancel" });
  expect(state.done).toEqual(['builds:set shop {"root":"apps/web"}']);
  const kept = await ask(fakeApi(state), path, { method: "PATCH", json: { keepDroplets: 9 } });
  expect(await kept.json()).toMatchObject({ keepDroplets: 9 });
  expect((await ask(fakeApi(state), path, { method: "PATCH", json: { keepDroplets: -1 } })).status).toBe(422);
  const left = await ask(fakeApi(state), path, { method: "PATCH", json: { onDisconnect: "continue" } });
  expect(await left.json()).toMatchObject({ onDisconnect: "continue" });
  expect((await ask(fakeApi(state), path, { method: "PATCH", json: { onDisconnect: "wait" } })).status).toBe(422);
});
