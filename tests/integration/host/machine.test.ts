import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { execOnHost } from "../../../server/host/exec.ts";
import { hostFiles } from "../../../server/host/host-files.ts";
import { portState } from "../../../server/host/port-state.ts";

const run = (argv: readonly string[], timeoutMs = 10_000, signal = AbortSignal.timeout(20_000)) =>
  execOnHost(argv, { timeoutMs, signal });

describe("running a program", () => {
  test("answers its exit code and both outputs", async () => {
    const result = await run(["sh", "-c", "echo out; echo err >&2; exit 3"]);
    expect(result).toEqual({ code: 3, stdout: "out\n", stderr: "err\n" });
  });

  test("hands arguments over untouched by any shell", async () => {
    expect((await run(["printf", "%s", "$(id); `id` > x"])).stdout).toBe("$(id); `id` > x");
  });

  test("answers 127 when there is no such program", async () => {
    expect((await run(["no-such-program-here"])).code).toBe(127);
  });

  test("ends it at the deadline", async () => {
    expect(await run(["sleep", "30"], 100)).toMatchObject({ code: 124, stderr: expect.stringContaining("gave up") });
  });

  test("ends one that ignores the request, and does not wait for what it left behind", async () => {
    const startedAt = Date.now();
    expect(await run(["sh", "-c", "trap '' TERM; sleep 15; true"], 100)).toMatchObject({ code: 124 });
    expect(Date.now() - startedAt).toBeLessThan(10_000);
  });

  test("is over when the caller gives up", async () => {
    await expect(run(["sleep", "30"], 20_000, AbortSignal.timeout(100))).rejects.toThrow(/timeout/);
  });
});

test("mirrors and certificates are read in order of name, and a machine without any has none", async () => {
  const root = await mkdtemp(path.join(tmpdir(), "paas-root-"));
  try {
    expect(await hostFiles(root).extraCas()).toEqual([]);
    expect(await hostFiles(root).caBundle()).toBe("");
    const folder = path.join(root, "usr/local/share/ca-certificates");
    await mkdir(folder, { recursive: true });
    for (const name of ["b.crt", "a.crt", "readme.txt"]) await writeFile(path.join(folder, name), name);
    expect((await hostFiles(root).extraCas()).map((ca) => ca.path)).toEqual(["a.crt", "b.crt"]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

describe("a port", () => {
  test("is free, then held by the program that listens on it, then free again", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await portState("127.0.0.1", port, "/nonexistent")).toEqual({
      kind: "held",
      by: expect.stringContaining(`(process ${process.pid})`),
      own: false,
    });
    await new Promise((resolve) => server.close(resolve));
    expect(await portState("127.0.0.1", port, "/nonexistent")).toEqual({ kind: "free" });
  });

  test("that the daemon of this home holds is its own", async () => {
    const home = await mkdtemp(path.join(tmpdir(), "paas-home-"));
    await writeFile(path.join(home, "router.pid"), `${process.pid}\n`);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await portState("127.0.0.1", port, home)).toMatchObject({ kind: "held", own: true });
    await new Promise((resolve) => server.close(resolve));
    await rm(home, { recursive: true, force: true });
  });
});
