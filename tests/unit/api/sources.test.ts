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

test("settings of builds are changed one by one", async () => {
  const state = fakeState("shop");
  const path = "/v1/apps/shop/builds/settings";
  const response = await ask(fakeApi(state), path, { method: "PATCH", json: { root: "apps/web" } });
  expect(await response.json()).toEqual({ root: "apps/web", shippedEnvFiles: [] });
  expect(state.done).toEqual(['builds:set shop {"root":"apps/web"}']);
});
