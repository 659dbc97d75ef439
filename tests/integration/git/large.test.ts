import { randomBytes } from "node:crypto";
import { mkdir, open, readdir } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { Door } from "./door.ts";

const mebibyte = 1024 * 1024;

test.for(["ssh", "http"])("200 MB pushed by %s do not gather in memory", async (transport) => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.git("config", "core.compression", "0");
  for (let part = 0; part < 4; part += 1) await writeRandom(path.join(project.dir, `data-${part}.bin`), 50);
  await project.commit({}, "large");
  let peak = 0;
  const before = process.memoryUsage().rss;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
  const pushed = await project.push(transport === "ssh" ? door.url("shop") : door.httpUrl("shop"), "main");
  clearInterval(watch);
  expect(pushed).toMatchObject({ code: 0 });
  expect((peak - before) / mebibyte).toBeLessThan(120);
});

test("a repository of 5,000 files is checked out in a few seconds", async () => {
  await using door = await Door.open();
  const out = path.join(door.dir, "out");
  await mkdir(out);
  let tookMs = 0;
  door.deploys.deployNow = async (push, _out, signal) => {
    const began = performance.now();
    await push.checkout(out, signal);
    tookMs = performance.now() - began;
    return true;
  };
  const files = Array.from({ length: 5000 }, (_, i) => [`src/${i % 50}/file-${i}.txt`, `file ${i}\n`] as const);
  const project = await door.project("shop", Object.fromEntries(files));
  expect(await project.push(door.url("shop"), "main")).toMatchObject({ code: 0 });
  expect((await readdir(out, { recursive: true })).length).toBe(5000 + 51);
  expect(tookMs).toBeLessThan(5000);
});

async function writeRandom(file: string, sizeMb: number): Promise<void> {
  await using handle = await open(file, "w");
  for (let i = 0; i < sizeMb; i += 1) await handle.write(randomBytes(mebibyte));
}
