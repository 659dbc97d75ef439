import { expect, test } from "vitest";
import { createLog } from "../../../server/core/log.ts";
import { fakeApi } from "../../support/fake-api.ts";
import { fakePlatform, fakeState } from "../../support/fake-platform.ts";
import { ask, recordsOf } from "./request.ts";

test("a problem of the catalogue is answered with its status, line and hint", async () => {
  const response = await ask(fakeApi(fakeState()), "/v1/apps/shop");
  expect(response.status).toBe(404);
  expect(await response.json()).toEqual({
    error: {
      code: "APP_NOT_FOUND",
      message: 'There is no app "shop".',
      hint: expect.stringContaining("paas apps:create shop") as string,
      status: 404,
    },
  });
});

test("a name out of grammar is refused before the platform is asked", async () => {
  const state = fakeState();
  const response = await ask(fakeApi(state), "/v1/apps", { method: "POST", json: { name: "../etc" } });
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({ error: { code: "APP_NAME_INVALID" } });
  expect(state.done).toEqual([]);
});

test.each([
  ["POST", "/v1/apps", {}, '"name"'],
  ["POST", "/v1/apps", { name: "shop2", extra: 1 }, "The request"],
  ["POST", "/v1/apps/shop/scale", { counts: { web: "2" } }, '"counts.web"'],
  ["POST", "/v1/apps/shop/scale", { counts: { web: -1 } }, '"counts.web"'],
  ["PATCH", "/v1/apps/shop/config", { change: { A: 1 } }, '"change.A"'],
  ["PATCH", "/v1/apps/shop/limits/web", {}, "The request"],
  ["PUT", "/v1/apps/shop/builds/limits", { limits: { memoryBytes: 1 } }, '"limits.memoryBytes"'],
  ["PUT", "/v1/apps/shop/builds/limits", { limits: { timeoutMs: 5 } }, '"limits.timeoutMs"'],
  ["PATCH", "/v1/apps/shop/checks/web", { path: "health" }, '"path"'],
  ["POST", "/v1/apps/shop/buildpacks", { buildpack: "./a", index: 0 }, '"index"'],
  ["POST", "/v1/apps/shop/buildpacks/remove", {}, "The request"],
  ["POST", "/v1/apps/shop/tasks", { command: [] }, '"command"'],
  ["POST", "/v1/apps/shop/rollback", { version: 0 }, '"version"'],
  ["POST", "/v1/user-provided-services", { name: "mail", credentials: [] }, '"credentials"'],
] as const)("%s %s with %o names what is wrong: %s", async (method, path, json, field) => {
  const state = fakeState("shop");
  const response = await ask(fakeApi(state), path, { method, json });
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    error: { code: "INPUT_INVALID", message: expect.stringContaining(`${field} is not right`) as string },
  });
  expect(state.done).toEqual([]);
});

test("a change of the buildpacks goes to the platform as it was asked for", async () => {
  const state = fakeState("shop");
  const api = fakeApi(state);
  const at = "/v1/apps/shop/buildpacks";
  await ask(api, at, { method: "POST", json: { buildpack: "./a", index: 2 } });
  await ask(api, at, { method: "PUT", json: { buildpack: "./b" } });
  await ask(api, `${at}/remove`, { method: "POST", json: { index: 1 } });
  await ask(api, `${at}/update`, { method: "POST", json: {} });
  await ask(api, at, { method: "DELETE" });
  expect(state.done).toEqual([
    "buildpacks add shop ./a at 2 by ann",
    "buildpacks set shop ./b at undefined",
    "buildpacks remove shop 1",
    "buildpacks update shop undefined",
    "buildpacks clear shop",
  ]);
});

test("a query out of bounds names what is wrong", async () => {
  const response = await ask(fakeApi(fakeState("shop")), "/v1/apps/shop/logs?lines=many");
  expect(await response.json()).toMatchObject({
    error: { code: "INPUT_INVALID", message: expect.stringContaining('"lines"') as string },
  });
});

test("a body that is no JSON is said to be none", async () => {
  const response = await ask(fakeApi(fakeState()), "/v1/apps", { method: "POST", body: '{"name":' });
  expect(await response.json()).toMatchObject({
    error: { code: "INPUT_INVALID", message: "The body is not valid JSON." },
  });
});

test("a body over the limit is refused", async () => {
  const json = { name: "x".repeat(1_100_000) };
  const response = await ask(fakeApi(fakeState()), "/v1/apps", { method: "POST", json });
  expect(response.status).toBe(413);
});

test("an endpoint that is not there is answered as JSON", async () => {
  const response = await ask(fakeApi(fakeState()), "/v1/zork");
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { code: "ENDPOINT_NOT_FOUND" } });
});

test("what is not in the catalogue tells nothing but a reference, under which the log has the cause", async () => {
  const state = fakeState("shop");
  const logged: string[] = [];
  const platform = fakePlatform(state);
  const broken = { ...platform.apps, list: () => fail("password=hunter2") };
  const api = fakeApi(state, {
    platform: { ...platform, apps: broken },
    log: createLog((line) => logged.push(line)),
  });
  const response = await ask(api, "/v1/apps");
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(text).not.toContain("hunter2");
  const [, reference = "none"] = /reference ([0-9a-f]{12})/.exec(text) ?? [];
  expect(logged.join("")).toContain(reference);
  expect(logged.join("")).toContain("hunter2");
});

test("releases do not show the values of config vars", async () => {
  const api = fakeApi(fakeState("shop"));
  for (const path of ["/v1/apps/shop/releases", "/v1/apps/shop/releases/3"]) {
    const text = await (await ask(api, path)).text();
    expect(text).toContain('"configKeys":["SECRET"]');
    expect(text).not.toContain("hunter2");
  }
});

test("null in a config change unsets, and null as the path of a check removes it", async () => {
  const state = fakeState("shop");
  state.config.set("shop", { A: "1", B: "2" });
  const api = fakeApi(state);
  await recordsOf(await ask(api, "/v1/apps/shop/config", { method: "PATCH", json: { change: { A: null, C: "3" } } }));
  expect(state.config.get("shop")).toEqual({ B: "2", C: "3" });
  await recordsOf(await ask(api, "/v1/apps/shop/checks/web", { method: "PATCH", json: { path: null } }));
  expect(state.done.at(-1)).toBe("checks shop web path path=undefined");
});

test("no answer allows pages of other origins", async () => {
  const headers = { origin: "http://evil.test" };
  const response = await ask(fakeApi(fakeState()), "/v1/apps", { headers });
  expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
});

function fail(message: string): never {
  throw new Error(message);
}
