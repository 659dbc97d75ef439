import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileLock } from "../../../server/host/lock.ts";
import { recordedOutput } from "../../support/host-fakes.ts";

describe("the lock of the machine", () => {
  let folder: string;
  const lockIn = (name: string, waitMs = 10_000) => fileLock({ file: path.join(folder, name), waitMs, pollMs: 10 });
  const signal = () => AbortSignal.timeout(20_000);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "paas-lock-"));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("a second caller waits until the first is done, and says for whom", async () => {
    const { out, lines } = recordedOutput();
    const events: string[] = [];
    const first = await lockIn("wait").acquire(out, signal());
    const second = (async () => {
      await using _lock = await lockIn("wait").acquire(out, signal());
      events.push("second has it");
    })();
    await expect.poll(() => lines).toHaveLength(1);
    events.push("first is done");
    await first[Symbol.asyncDispose]();
    await second;
    expect(events).toEqual(["first is done", "second has it"]);
    expect(lines[0]).toContain(`process ${process.pid}`);
    expect(existsSync(path.join(folder, "wait"))).toBe(false);
  });

  test("of many callers one at a time has it", async () => {
    let inside = 0;
    let most = 0;
    const one = async () => {
      await using _lock = await lockIn("many").acquire(recordedOutput().out, signal());
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 10 }, one));
    expect(most).toBe(1);
  });

  test("one that a dead process left is taken over", async () => {
    const child = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
    await new Promise((resolve) => child.once("exit", resolve));
    await writeFile(path.join(folder, "dead"), `${child.pid} 12345\n`);
    await using _lock = await lockIn("dead").acquire(recordedOutput().out, signal());
    expect(await readFile(path.join(folder, "dead"), "utf8")).toMatch(new RegExp(`^${process.pid} `));
  });

  test("one whose process id now belongs to another program is taken over", async () => {
    await writeFile(path.join(folder, "reused"), `${process.pid} 1\n`);
    await using _lock = await lockIn("reused").acquire(recordedOutput().out, signal());
    expect(await readFile(path.join(folder, "reused"), "utf8")).not.toBe(`${process.pid} 1\n`);
  });

  test("waiting ends with who holds it", async () => {
    await using _lock = await lockIn("busy").acquire(recordedOutput().out, signal());
    await expect(lockIn("busy", 50).acquire(recordedOutput().out, signal())).rejects.toMatchObject({
      code: "HOST_BUSY",
      fields: { pid: process.pid },
    });
  });
});
