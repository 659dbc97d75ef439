import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { debian13, npmRegistry, readAvailable } from "../../../server/builds/available.ts";

test("the npm registry of this machine lists Node versions, and a second look needs no network", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "available-"));
  const options = {
    cacheFile: path.join(home, "versions.json"),
    stack: debian13,
    registry: (signal: AbortSignal) => npmRegistry(process.env, signal),
    now: Date.now,
    arch: process.arch,
  };
  try {
    const first = await readAvailable({ ...options, fetch }, true, AbortSignal.timeout(30_000));
    expect(first.node).toContain("24.21.0");
    expect(first.npmRegistry).toMatch(/^https?:\/\/.*\/$/);
    const offline = () => Promise.reject(new Error("offline"));
    expect(await readAvailable({ ...options, fetch: offline }, true, AbortSignal.timeout(1_000))).toEqual(first);
  } finally {
    await rm(home, { recursive: true });
  }
});
