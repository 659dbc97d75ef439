import { afterAll, beforeAll, expect, test } from "vitest";
import { planSystem, type SystemPackages } from "../../../server/builds/system-packages.ts";
import { labels } from "../../../server/docker/client.ts";
import { BuildHarness, type BuildRun, findStackImages } from "../../support/build-harness.ts";
import { shell, testLayer, testPlan } from "../../support/plans.ts";

const harness = new BuildHarness();
// Small, and asked for by nobody else: what is made of it can be removed again.
const system: SystemPackages = { build: ["bc"], run: ["figlet"] };
const plan = testPlan({
  system,
  layers: [testLayer("look", { commands: [shell("which bc figlet >/app/layer")], keep: ["/app/layer"] })],
  build: { title: "Looking", files: [], commands: [shell("which bc figlet >/app/step")] },
});

async function systemRefs(): Promise<readonly string[]> {
  const stack = await findStackImages(harness.docker);
  return planSystem(stack, system).images.map((image) => image.ref);
}

async function removeImages(): Promise<void> {
  for (const ref of await systemRefs()) await harness.engine.removeImage(ref);
}

beforeAll(removeImages);
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await removeImages();
});

const build = async (): Promise<BuildRun> =>
  harness.build(harness.app(), await harness.source({ "app.txt": "x" }), { plan });

function imageOf({ result, lines }: BuildRun): string {
  if (!result.ok) throw new Error([result.reason, ...lines].join("\n"));
  return result.droplet.imageId;
}

test("two builds that need the same packages install them once, and have them where they asked for them", async () => {
  const runs = await Promise.all([build(), build()]);
  const output = runs.flatMap((run) => run.lines).join("\n");
  expect(output).toContain("-----> Installing system packages (bc, figlet)");
  expect(output.match(/^ {7}figlet 2\.\S+$/gm)).toHaveLength(1);
  for (const run of runs) {
    const seen = await harness.run(imageOf(run), ["bash", "-c", "cat layer step; which figlet bc"]);
    expect(seen).toBe(
      ["/usr/bin/bc", "/usr/bin/figlet", "/usr/bin/bc", "/usr/bin/figlet", "/usr/bin/figlet"].join("\n"),
    );
  }
  const again = await build();
  expect(again.lines).toContain("       System packages unchanged, reused");
  expect(await harness.containers()).toEqual([]);
});

test("the images are everybody's, say what is in them, and are listed as ours", async () => {
  imageOf(await build());
  const refs = await systemRefs();
  const [run = "", made = ""] = refs;
  const { Config } = await harness.docker.getImage(made).inspect();
  const stack = await findStackImages(harness.docker);
  expect(Config.Labels).toMatchObject({
    [labels.kind]: "system",
    [labels.stack]: stack.buildImage,
    [labels.packages]: "bc figlet",
    [labels.home]: "",
    [labels.app]: "",
  });
  expect(Config.Entrypoint ?? []).toEqual([]);
  const own = (await harness.engine.ownImages()).filter((image) => image.kind === "system");
  expect(own.flatMap((image) => image.refs)).toEqual(expect.arrayContaining([run, made]));
});

test("a package that there is not fails the build and is named; a word that is no name never reaches apt", async () => {
  const source = await harness.source({ "app.txt": "x" });
  const tryPackages = async (...names: string[]) => {
    const wrong = testPlan({ system: { build: [], run: names } });
    return (await harness.build(harness.app(), source, { plan: wrong })).result;
  };
  expect(await tryPackages("figlet", "no-such-package", "php8.x")).toMatchObject({
    ok: false,
    reason: "Debian 13 has no package called no-such-package, php8.x.",
  });
  expect(await tryPackages("bc", "figlet-", "--purge")).toMatchObject({
    ok: false,
    reason: 'Not the name of a Debian package: "figlet-", "--purge".',
  });
  expect(await harness.containers()).toEqual([]);
});
