import { expect, test } from "vitest";
import {
  installFailure,
  notPackageNames,
  planSystem,
  type SystemPackages,
} from "../../../server/builds/system-packages.ts";

const stack = { id: "s1", buildImage: "stack-build:s1", runImage: "stack-run:s1" };
const plan = (system: Partial<SystemPackages>, from = stack) => planSystem(from, { build: [], run: [], ...system });

test.each(["jq", "g++", "libstdc++-14-dev", "php8.4-fpm", "0ad", "libvips42t64"])("%s is a package name", (name) => {
  expect(notPackageNames([name])).toEqual([]);
});

test.each([
  ...[
    "",
    "a",
    "-y",
    "--force-yes",
    "Foo",
    "foo bar",
    "foo;reboot",
    "foo-",
    "foo/sid",
    "foo=1.0",
    "foo:i386",
    "~i",
    "?x",
  ],
  ...["$(id)", "foo\n", "../x.deb", "/tmp/x.deb", "foo*", "foo,bar", "f".repeat(101)],
])("%j is none", (name) => {
  expect(notPackageNames(["jq", name])).toEqual([name]);
});

test("the build has what the run time has, each package once and in order", () => {
  const { images, stack: made } = plan({ build: ["zlib1g-dev", "jq"], run: ["nginx", "jq", "nginx"] });
  expect(images).toEqual([
    { ref: made.runImage, from: "stack-run:s1", packages: ["jq", "nginx"] },
    { ref: made.buildImage, from: "stack-build:s1", packages: ["jq", "nginx", "zlib1g-dev"] },
  ]);
  expect(made.runImage).toMatch(/^paas\/system-run:[0-9a-f]{20}$/);
  expect(made.buildImage).toMatch(/^paas\/system-build:[0-9a-f]{20}$/);
});

test("order and repetition make no other image", () => {
  expect(plan({ run: ["b1", "a1", "b1"] })).toEqual(plan({ run: ["a1", "b1"] }));
});

test("another set, another place or another stack makes another image and another id", () => {
  const plans = [
    plan({ run: ["jq"] }),
    plan({ build: ["jq"] }),
    plan({ run: ["jq", "bc"] }),
    plan({ run: ["jq"] }, { id: "s2", buildImage: "stack-build:s2", runImage: "stack-run:s2" }),
  ];
  expect(new Set(plans.map((p) => p.stack.id)).size).toBe(plans.length);
  expect(new Set(plans.map((p) => p.stack.buildImage + p.stack.runImage)).size).toBe(plans.length);
});

test("what only the build needs leaves the run image as it is", () => {
  expect(plan({ build: ["jq"] }).stack.runImage).toBe(stack.runImage);
});

test("without packages the stack stays", () => {
  expect(plan({})).toEqual({ stack, images: [] });
});

test("unknown packages are named, each once", () => {
  const output = `E: Unable to locate package nope
E: Package 'awk' has no installation candidate
E: Couldn't find any package by glob 'php8.x'
E: Unable to locate package nope
`;
  expect(installFailure(output, 100).reason).toBe("Debian 13 has no package called awk, nope.");
});

test("a mirror that does not answer is not a wrong name", () => {
  const output = "E: Failed to fetch http://mirror.test/dists/trixie/InRelease  Could not resolve 'mirror.test'\n";
  expect(installFailure(output, 100)).toMatchObject({
    reason:
      "The system packages could not be fetched: Failed to fetch http://mirror.test/dists/trixie/InRelease  Could not resolve 'mirror.test'",
    hint: expect.stringContaining("paas doctor") as unknown,
  });
});

test("anything else says apt's exit code", () => {
  expect(installFailure("dpkg: error", 100).reason).toBe(
    "apt-get exited with code 100 while it installed system packages.",
  );
});
