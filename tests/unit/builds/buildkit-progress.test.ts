import { expect, test } from "vitest";
import { BuildkitProgress } from "../../../server/builds/buildkit-progress.ts";
import type { BuildTrace, TraceStep } from "../../../server/builds/image-engine.ts";

function step(name: string, parts: Partial<TraceStep> = {}): TraceStep {
  const times = { startedAt: undefined, completedAt: undefined };
  return { digest: name, name, isCached: false, ...times, error: undefined, ...parts };
}

function shown(progress: BuildkitProgress, trace: Partial<BuildTrace>): string | undefined {
  return progress.take({ trace: { steps: [], logs: [], warnings: [], ...trace } });
}

const run = "[2/3] RUN npm ci";

test("a step is announced when it begins, its output has seconds, its end says how long it took", () => {
  const progress = new BuildkitProgress();
  expect(
    shown(progress, { steps: [step("[internal] load build definition", { startedAt: 1 }), step(run)] }),
  ).toBeUndefined();
  expect(shown(progress, { steps: [step("[1/3] FROM base", { startedAt: 1, completedAt: 1, isCached: true })] })).toBe(
    "#1 [1/3] FROM base\n#1 CACHED\n",
  );
  expect(shown(progress, { steps: [step(run, { startedAt: 1000 })] })).toBe(`#2 ${run}\n`);
  expect(progress.current).toBe("step 2/3 (RUN npm ci)");
  const log = (at: number, text: string) => ({ digest: run, at, bytes: Buffer.from(text) });
  expect(shown(progress, { logs: [log(1500, "added 7 pack"), log(2250, "ages\nlast")] })).toBe(
    "#2 1.250 added 7 packages\n",
  );
  expect(shown(progress, { steps: [step(run, { startedAt: 1000, completedAt: 3100 })] })).toBe(
    "#2 last\n#2 DONE 2.1s\n",
  );
  expect(progress.take({ aux: { ID: "sha256:abc" } })).toBeUndefined();
  expect(() => progress.assertBuilt({ limitMb: 512, isOut: true })).not.toThrow();
});

function failure(failed: TraceStep, message: string): string {
  const progress = new BuildkitProgress();
  shown(progress, {
    steps: [step("[a 1/2] RUN x", { startedAt: 1, completedAt: 2, error: "context canceled" }), failed],
  });
  progress.take({ error: message, errorDetail: { message } });
  try {
    progress.assertBuilt({ limitMb: 512, isOut: true });
  } catch (err) {
    return err instanceof Error ? err.message : "";
  }
  return "it was built";
}

test.each([
  [
    run,
    "executor failed running [/bin/sh -c npm ci]: exit code: 7",
    "Dockerfile step 2/3 (RUN npm ci) exited with code 7.",
  ],
  [
    "[build 2/3] RUN a && \\\n  b",
    'failed to solve: process "/bin/sh -c b" did not complete successfully: exit code: 1',
    "Dockerfile step 2/3 of build (RUN a && \\ b) exited with code 1.",
  ],
  [run, "exit code: 137", "Dockerfile step 2/3 (RUN npm ci) ran out of memory (builds may use 512 MB)."],
  [
    "[internal] load metadata for docker.io/library/node:24",
    "rpc error: code = Unknown desc = no such host",
    'The base image "node:24" could not be pulled: no such host',
  ],
  [
    "[stage-0 2/2] COPY a /",
    "failed to compute cache key: /a not found",
    "Dockerfile step 2/2 (COPY a /) failed: failed to compute cache key: /a not found",
  ],
  [
    run,
    "secret NPM_TOKEN is not given to this build",
    'The Dockerfile mounts the secret "NPM_TOKEN", which is not given to the build.',
  ],
])("of %s that fails with %s is said: %s", (name, message, said) => {
  expect(failure(step(name, { startedAt: 1, completedAt: 2, error: message }), message)).toBe(said);
});

test("a syntax image that cannot be had is named", () => {
  const progress = new BuildkitProgress();
  const name = "resolve image config for docker.io/docker/dockerfile:1";
  shown(progress, { steps: [step(name, { startedAt: 1, completedAt: 2, error: "no such host" })] });
  expect(progress.missingSyntax).toBe("docker/dockerfile:1");
});
