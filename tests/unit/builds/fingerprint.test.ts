import { expect, test } from "vitest";
import { fingerprintOf } from "../../../server/builds/fingerprint.ts";
import type { ConfigVars } from "../../../server/core/types.ts";
import { web } from "../../../server/core/ids.ts";
import { shell, testLayer, testPlan } from "../../support/plans.ts";

const plan = testPlan({ layers: [testLayer("deps", { commands: [shell("npm ci")] })] });
const seeing = testPlan({ build: { title: "Building", files: [], commands: [shell("make", { withConfig: true })] } });
const base = {
  commit: "c0ffee",
  root: "",
  plan,
  processes: [{ type: web, command: "node ." }],
  stackId: "debian-13-a",
  config: { A: "1", B: "2" } as ConfigVars,
};
const print = (parts: Partial<typeof base> = {}) => fingerprintOf({ ...base, ...parts });

test("the same again is the same, in whatever order config vars stand", () => {
  expect(print({ config: { B: "2", A: "1" } })).toBe(print());
  expect(print({ plan: seeing, config: { B: "2", A: "1" } })).toBe(print({ plan: seeing }));
});

test.each([
  ["commit", { commit: "c0ffef" }],
  ["folder", { root: "apps/web" }],
  ["stack", { stackId: "debian-13-b" }],
  ["processes", { processes: [{ type: web, command: "node server.js" }] }],
  ["version of the language", { plan: { ...plan, runtime: "test 1.1" } }],
  ["packages of the system", { plan: { ...plan, system: { build: [], run: ["imagemagick"] } } }],
])("another %s is another droplet", (_what, parts) => {
  expect(print(parts)).not.toBe(print());
});

test("config vars count where a step sees them, and only there", () => {
  expect(print({ config: { A: "2" } })).toBe(print());
  expect(print({ plan: seeing, config: { A: "2" } })).not.toBe(print({ plan: seeing }));
});
