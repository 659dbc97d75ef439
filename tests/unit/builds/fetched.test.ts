import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { expendable, type Fetched, FetchedSources } from "../../../server/builds/source/fetched.ts";

const hourMs = 60 * 60_000;
const now = 100 * hourMs;
const at = (path: string, hoursAgo: number, bytes = 10): Fetched => ({ path, bytes, usedAt: now - hoursAgo * hourMs });
const going = (all: readonly Fetched[], budgetBytes: number) =>
  expendable(all, budgetBytes, now).map((one) => one.path);

test("within the budget nothing goes, above it the least recently used, and no more than needed", () => {
  const all = [at("new", 2), at("old", 9), at("middle", 5)];
  expect(going(all, 30)).toEqual([]);
  expect(going(all, 25)).toEqual(["old"]);
  expect(going(all, 10)).toEqual(["old", "middle"]);
});

test("what may be in use stays, whatever it takes", () => {
  expect(going([at("now", 0, 1000), at("old", 9)], 0)).toEqual(["old"]);
});

test("what goes is gone from its folder, with what an interrupted removal left", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "fetched-"));
  try {
    const hoursAgo = { "a.git": 9, "b.git": 5, "c.git.gone": 9 };
    for (const [name, hours] of Object.entries(hoursAgo)) {
      await mkdir(path.join(dir, name));
      await writeFile(path.join(dir, name, "HEAD"), "x");
      const used = new Date(Date.now() - hours * hourMs);
      await utimes(path.join(dir, name), used, used);
    }
    await writeFile(path.join(dir, ".draft"), "x");
    const fetched = new FetchedSources({
      dirs: [dir, path.join(dir, "nowhere")],
      budgetBytes: async () => 15,
      sizeOf: async () => 10,
      now: Date.now,
    });
    expect((await fetched.plan()).going.map((one) => path.basename(one.path))).toEqual(["a.git"]);
    await fetched.clean();
    expect((await readdir(dir)).toSorted()).toEqual([".draft", "b.git"]);
    expect(await fetched.clean()).toEqual([]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
