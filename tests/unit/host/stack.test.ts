import { describe, expect, test } from "vitest";
import { ensureStack, type StackDeps } from "../../../server/host/stack.ts";
import { openLock, recordedOutput, scriptedExec } from "../../support/host-fakes.ts";

interface Engine {
  readonly present: string[];
  readonly calls: string[];
  readonly deps: StackDeps;
}

/** An engine that is only a list of image names. */
function fakeEngine(script: { registry?: boolean; failsOn?: string; mmdebstrap?: number } = {}): Engine {
  const present: string[] = [];
  const calls: string[] = [];
  const { exec } = scriptedExec({
    "dpkg-query": { stdout: "mmdebstrap installed\ndebian-archive-keyring installed\n" },
    mmdebstrap: { code: script.mmdebstrap ?? 0, stderr: "E: no such mirror" },
  });
  const record = (call: string, ref: string) => {
    calls.push(`${call} ${ref.split(":")[0]}`);
    if (script.failsOn !== undefined && ref.includes(script.failsOn)) throw new Error("the step returned 100");
  };
  const deps: StackDeps = {
    images: {
      has: async (ref) => present.includes(ref),
      pull: async (ref) => {
        record("pull", ref);
        if (script.registry !== true) throw new Error("no such host");
      },
      tag: async (_from, to) => void present.push(to),
      importRoot: async (_tar, ref) => {
        record("import", ref);
        present.push(ref);
      },
      build: async (build) => {
        build.onOutput("Step 1/2 : RUN apt-get\nE: Unable to locate package\n");
        record("build", build.ref);
        present.push(build.ref);
      },
    },
    host: { aptSources: async () => [], extraCas: async () => [], caBundle: async () => "" },
    bootstrap: { exec, isRoot: true, workDir: "/tmp" },
    lock: openLock,
    clock: () => 0,
  };
  return { present, calls, deps };
}

const signal = () => AbortSignal.timeout(10_000);

describe("making the stack", () => {
  test("pulls the base image where a registry answers", async () => {
    const engine = fakeEngine({ registry: true });
    const stack = await ensureStack(engine.deps, recordedOutput().out, signal());
    expect(engine.calls).toEqual(["pull debian", "build paas/stack-run", "build paas/stack-build"]);
    expect(engine.present).toContain(stack.buildImage);
  });

  test("makes the base system from packages where none does", async () => {
    const engine = fakeEngine();
    await ensureStack(engine.deps, recordedOutput().out, signal());
    expect(engine.calls.slice(0, 2)).toEqual(["pull debian", "import paas/stack-base"]);
  });

  test("is done once: a stack that is there is answered without a word", async () => {
    const engine = fakeEngine();
    const first = await ensureStack(engine.deps, recordedOutput().out, signal());
    const made = engine.calls.length;
    const { out, lines } = recordedOutput();
    expect(await ensureStack(engine.deps, out, signal())).toEqual(first);
    expect([engine.calls.length, lines]).toEqual([made, []]);
  });

  test("goes on where an interrupted making stopped", async () => {
    const engine = fakeEngine({ failsOn: "stack-build" });
    await expect(ensureStack(engine.deps, recordedOutput().out, signal())).rejects.toThrow("build image");
    engine.calls.length = 0;
    await expect(ensureStack(engine.deps, recordedOutput().out, signal())).rejects.toThrow("build image");
    expect(engine.calls).toEqual(["build paas/stack-build"]);
  });

  test("a step that fails is named, with what it printed", async () => {
    const { out, lines } = recordedOutput();
    await expect(ensureStack(fakeEngine({ failsOn: "stack-run" }).deps, out, signal())).rejects.toMatchObject({
      code: "STACK_FAILED",
      message: "The stack could not be made (run image): the step returned 100.",
    });
    expect(lines).toContain("       E: Unable to locate package");
  });

  test("a mirror that fails is named, with what was said", async () => {
    const { out, lines } = recordedOutput();
    await expect(ensureStack(fakeEngine({ mmdebstrap: 2 }).deps, out, signal())).rejects.toMatchObject({
      code: "STACK_FAILED",
      message: "The stack could not be made (base system): mmdebstrap ended with 2.",
    });
    expect(lines).toContain("       E: no such mirror");
  });
});
