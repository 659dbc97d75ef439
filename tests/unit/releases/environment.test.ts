import { expect, test } from "vitest";
import type { AppId, AppName, SpaceName } from "../../../server/core/ids.ts";
import type { App } from "../../../server/core/types.ts";
import { applyChange, configKeyProblem, environmentOf } from "../../../server/releases/environment.ts";

const app: App = {
  id: "a1" as AppId,
  name: "shop" as AppName,
  space: "default" as SpaceName,
  deployBranch: "main",
  stopped: false,
  createdAt: 1,
};

const base = {
  app,
  release: { version: 7, config: {}, commit: "abc", createdAt: 2 },
  droplet: { env: { NODE_ENV: "production" } },
  bindingEnv: { DATABASE_URL: "postgres://db" },
  uris: ["shop.localhost"],
  memoryMb: 256,
  type: "web",
};

test("an instance knows its app, release, space and commit", () => {
  const env = environmentOf(base);
  expect(env).toMatchObject({ PAAS_APP: "shop", PAAS_RELEASE: "v7", PAAS_SPACE: "default", SOURCE_VERSION: "abc" });
});

test("config vars win over the buildpack's and the bindings'", () => {
  const config = { NODE_ENV: "staging", DATABASE_URL: "mine" };
  expect(environmentOf({ ...base, release: { ...base.release, config } })).toMatchObject(config);
});

test("VCAP_APPLICATION has both names of what real apps read", () => {
  const vcap = JSON.parse(environmentOf(base)["VCAP_APPLICATION"] ?? "{}") as Record<string, unknown>;
  expect(vcap).toMatchObject({
    application_uris: ["shop.localhost"],
    uris: ["shop.localhost"],
    name: "shop",
    application_name: "shop",
  });
});

test("without bindings VCAP_SERVICES is an empty object", () => {
  expect(environmentOf({ ...base, bindingEnv: {} })["VCAP_SERVICES"]).toBe("{}");
});

test.each([
  ["GREETING", undefined],
  ["_x1", undefined],
  ["1X", "CONFIG_KEY_INVALID"],
  ["A-B", "CONFIG_KEY_INVALID"],
  ["", "CONFIG_KEY_INVALID"],
  ["PORT", "CONFIG_KEY_RESERVED"],
])("config var name %s: %s", (key, problem) => {
  expect(configKeyProblem(key)).toBe(problem);
});

test("a change sets and unsets in one go and leaves the rest", () => {
  expect(applyChange({ A: "1", B: "2" }, { B: undefined, C: "3" })).toEqual({ A: "1", C: "3" });
});
