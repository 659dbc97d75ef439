import { expect, test } from "vitest";
import { DockerfileProgress } from "../../../server/builds/dockerfile-progress.ts";
import type { DockerfileRecord } from "../../../server/builds/image-engine.ts";

import { withoutLabelSteps } from "../../../server/docker/build-dockerfile.ts";
function follow(...records: readonly DockerfileRecord[]) {
  const progress = new DockerfileProgress();
  const shown = records.map((r) => progress.take(r)).join("");
  return { progress, shown };
}

const from = { stream: "Step 1/2 : FROM --platform=linux/amd64 node:99 AS build" };
const run = { stream: "Step 2/2 : RUN npm ci" };

test("a build succeeded only when the stream names its image", () => {
  expect(() =>
    follow(from, run, { aux: { ID: "sha256:1" } }).progress.assertBuilt({ limitMb: 1, isOut: true }),
  ).not.toThrow();
  expect(() => follow(from, run).progress.assertBuilt({ limitMb: 1, isOut: true })).toThrow(
    "without a result, in step 2/2 (RUN npm ci)",
  );
});

test("an error after an image is a failure all the same", () => {
  const { progress } = follow(
    { aux: { ID: "sha256:1" } },
    { error: "no space left", errorDetail: { message: "no space left" } },
  );
  expect(() => progress.assertBuilt({ limitMb: 1, isOut: true })).toThrow("The Dockerfile build failed: no space left");
});

test("a command that fails is named with its step and exit code", () => {
  const error = "The command '/bin/sh -c npm ci' returned a non-zero code: 3";
  const { progress } = follow(from, run, { error, errorDetail: { code: 3, message: error } });
  expect(() => progress.assertBuilt({ limitMb: 1, isOut: true })).toThrow(
    "Dockerfile step 2/2 (RUN npm ci) exited with code 3.",
  );
});

test("a command that was killed is told apart, with the limit", () => {
  const { progress } = follow(from, run, { error: "x", errorDetail: { code: 137, message: "x" } });
  expect(() => progress.assertBuilt({ limitMb: 512, isOut: true })).toThrow(
    "ran out of memory (builds may use 512 MB)",
  );
  // Memory is not said where nobody has counted it.
  expect(() => progress.assertBuilt({ limitMb: 512, isOut: false })).toThrow("was killed (exit code 137).");
});

test("a base image that cannot be pulled is named", () => {
  const { progress } = follow(from, { error: "manifest for node:99 not found: manifest unknown" });
  expect(() => progress.assertBuilt({ limitMb: 1, isOut: true })).toThrow(
    'The base image "node:99" of Dockerfile step 1/2 could not be pulled: manifest',
  );
});

test("ids in between and pull progress are not shown, the rest is", () => {
  const { shown } = follow(
    from,
    { stream: "\n" },
    { stream: " ---> 0123456789ab\n" },
    { stream: " ---> Using cache\n" },
    { stream: " ---> Running in 0123456789ab\n" },
    { status: "Downloading", id: "abc", progressDetail: { current: 5 } },
    { status: "Pull complete", id: "abc" },
    { stream: "hello\n" },
    { stream: "Removing intermediate container 0123456789ab\n" },
  );
  expect(shown).toBe(`${from.stream}\n ---> Using cache\nabc: Pull complete\nhello\n`);
});

test("the last image of each stage is what the cache holds, whatever a step writes itself", () => {
  const stage = (step: string, container: string, image: string, output: string): readonly DockerfileRecord[] => [
    { stream: step },
    { stream: "\n" },
    { stream: ` ---> Running in ${container}\n` },
    { stream: output },
    { stream: `Removing intermediate container ${container}\n` },
    { stream: ` ---> ${image}\n` },
  ];
  const records = [
    from,
    { stream: " ---> 000000000000\n" },
    ...stage("Step 2/4 : RUN a", "aaaaaaaaaaaa", "111111111111", " ---> 999999999999\n"),
    { stream: "Step 3/4 : FROM y" },
    { stream: " ---> 000000000000\n" },
    ...stage("Step 4/4 : RUN b", "bbbbbbbbbbbb", "222222222222", "b"),
  ];
  expect(follow(...records).progress.cached).toEqual(["111111111111", "222222222222"]);
  expect(follow(...records, { aux: { ID: "sha256:2" } }).progress.cached).toEqual(["111111111111"]);
  expect(follow(from, { stream: " ---> 000000000000\n" }).progress.cached).toEqual([]);
});

test("steps that only label the image are neither counted nor shown", () => {
  const shown = withoutLabelSteps(2);
  const texts = [
    "Step 1/3 : FROM x",
    "\n",
    "Step 2/3 : LABEL a=b",
    "\n",
    " ---> 0123456789ab\n",
    "Step 3/3 : LABEL c=d",
    "Successfully built 1",
  ];
  const kept = texts.map((stream) => shown({ stream }).stream ?? "").join("|");
  expect(kept).toBe("Step 1/1 : FROM x|\n|||||Successfully built 1");
  expect(shown({ aux: { ID: "sha256:1" } })).toEqual({ aux: { ID: "sha256:1" } });
});
