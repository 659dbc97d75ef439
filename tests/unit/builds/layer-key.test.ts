import { expect, test } from "vitest";
import { configOfKeys, type KeyInput, layerKeys } from "../../../server/builds/layer-key.ts";
import type { BuildPlan } from "../../../server/builds/plan.ts";
import { shell, testLayer } from "../../support/plans.ts";

const runtime = testLayer("runtime", { commands: [shell("install-runtime", { user: "root", env: { V: "1" } })] });
const dependencies = testLayer("dependencies", { files: ["lock"], commands: [shell("install")] });
const plan: Pick<BuildPlan, "layers" | "path"> = { layers: [runtime, dependencies], path: ["/opt/x/bin"] };

const input: KeyInput = {
  stackId: "s1",
  space: "default",
  config: { A: "1" },
  filesDigest: (files) => Promise.resolve(`digest of ${files.join()}`),
};

async function keysOf(change: Partial<KeyInput> = {}, layers = plan.layers, path = plan.path): Promise<string[]> {
  const keyed = await layerKeys({ layers, path }, { ...input, ...change });
  return keyed.map((k) => k.key);
}

test("the same inputs give the same keys", async () => {
  expect(await keysOf()).toEqual(await keysOf());
});

test.each([
  ["the stack", () => keysOf({ stackId: "s2" })],
  ["the path", () => keysOf({}, plan.layers, ["/opt/y/bin"])],
  ["a command", () => keysOf({}, [{ ...runtime, commands: [shell("other", { user: "root" })] }, dependencies])],
  [
    "a command's environment",
    () => keysOf({}, [{ ...runtime, commands: [{ ...shell("install-runtime"), env: { V: "2" } }] }, dependencies]),
  ],
  ["what is kept", () => keysOf({}, [{ ...runtime, keep: ["/opt/z"] }, dependencies])],
])("another value of %s changes that layer and those after it", async (_what, changed) => {
  const [first, second] = await keysOf();
  const [firstNow, secondNow] = await changed();
  expect(firstNow).not.toBe(first);
  expect(secondNow).not.toBe(second);
});

test("changed files change only the layer that has them", async () => {
  const [first, second] = await keysOf();
  const [firstNow, secondNow] = await keysOf({ filesDigest: () => Promise.resolve("other") });
  expect(firstNow).toBe(first);
  expect(secondNow).not.toBe(second);
});

test("a text that is an input counts like a file", async () => {
  const withInput = (text: string) => keysOf({}, [runtime, { ...dependencies, inputs: { "package.json": text } }]);
  expect((await withInput("a"))[1]).not.toBe((await withInput("b"))[1]);
});

test("a title is for people only", async () => {
  expect(await keysOf({}, [{ ...runtime, title: "Other words" }, dependencies])).toEqual(await keysOf());
});

test("a layer with files of an app is not shared with another space, one without is", async () => {
  const [first, second] = await keysOf();
  const [firstThere, secondThere] = await keysOf({ space: "other" });
  expect(firstThere).toBe(first);
  expect(secondThere).not.toBe(second);
});

test("config vars count only where a command sees them", async () => {
  expect(await keysOf({ config: { A: "2" } })).toEqual(await keysOf());
  const seeing = [testLayer("private", { commands: [shell("install", { withConfig: true })] })];
  expect(await keysOf({ config: { A: "2" } }, seeing)).not.toEqual(await keysOf({}, seeing));
});

test("a secret that is made for the app after its first build changes no key", () => {
  expect(configOfKeys({ A: "1", B: "2" }, { secrets: ["B"] })).toEqual({ A: "1" });
  expect(configOfKeys({ A: "1", B: "2" }, {})).toEqual({ A: "1", B: "2" });
});
