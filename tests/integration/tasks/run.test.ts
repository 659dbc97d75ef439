import { createHash, randomBytes } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { ProcessType } from "../../../server/core/ids.ts";
import { waitFor } from "../../../server/core/time.ts";
import { actor, capture, shop, soon, startTasks } from "./setup.ts";

const web = "web" as ProcessType;
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("an interactive run", () => {
  test("answers the command's exit code, gives both outputs apart, and leaves no container", async () => {
    await using paas = await startTasks();
    const streams = capture();
    const line = 'echo "$GREETING $DYNO"; echo oops >&2; exit 3';
    expect(await paas.tasks.port.run(actor, shop, [line], streams, soon())).toBe(3);
    expect(streams.out().toString()).toBe("hi run.1\n");
    expect(streams.err()).toBe("oops\n");
    expect(await paas.containers()).toEqual([]);
    expect(paas.tasks.port.list(shop)).toMatchObject([
      { number: 1, version: 7, command: [line], status: "failed", exitCode: 3, actor: "owner" },
    ]);
  });

  test("keeps each word of several one word, and runs a process type's command", async () => {
    await using paas = await startTasks({ processes: [{ type: web, command: "echo the web of $GREETING" }] });
    const words = ["a b", "$HOME", "it's", "*", "", "x;echo forged", "ü\n2"];
    const streams = capture();
    expect(await paas.tasks.port.run(actor, shop, ["A=b c", "printf", "[%s]", ...words], streams, soon())).toBe(0);
    expect(streams.out().toString()).toBe(words.map((word) => `[${word}]`).join(""));
    const named = capture();
    expect(await paas.tasks.port.run(actor, shop, ["web"], named, soon())).toBe(0);
    expect(named.out().toString()).toBe("the web of hi\n");
  });

  test("passes 10 MB through cat unchanged, the end of the input included", async () => {
    await using paas = await startTasks();
    const sent = randomBytes(10 * 1024 * 1024);
    const streams = capture({ stdin: Readable.from([sent]) });
    expect(await paas.tasks.port.run(actor, shop, ["cat"], streams, soon())).toBe(0);
    expect(streams.out().length).toBe(sent.length);
    expect(sha(streams.out())).toBe(sha(sent));
  });

  test("a command that ends before its input does keeps its whole output", async () => {
    await using paas = await startTasks();
    const streams = capture({ stdin: Readable.from([randomBytes(8 * 1024 * 1024)]) });
    const line = "head -c 10 >/dev/null; seq 1 300000";
    expect(await paas.tasks.port.run(actor, shop, [line], streams, soon())).toBe(0);
    expect(streams.out().toString().trimEnd().split("\n").length).toBe(300_000);
  });

  test("a large output is not cut at the end", async () => {
    await using paas = await startTasks();
    const streams = capture();
    expect(await paas.tasks.port.run(actor, shop, ["head -c 20000000 /dev/zero"], streams, soon())).toBe(0);
    expect(streams.out().length).toBe(20_000_000);
  });

  test("has a terminal of the client's size, which follows the client's window", async () => {
    await using paas = await startTasks();
    const stdin = new PassThrough();
    const streams = capture({ stdin, tty: { columns: 101, rows: 31 } });
    const line =
      "stty -echo; until [ \"$(stty size)\" = '31 101' ]; do sleep 0.05; done; echo first; read x; stty size; echo got $x; exit 5";
    const running = paas.tasks.port.run(actor, shop, [line], streams, soon());
    await waitFor(() => streams.out().includes("first"), { every: 20, signal: soon() });
    streams.resize(77, 22);
    await delay(300);
    // ctrl-p is the beginning of the engine's own detach sequence.
    stdin.write("\u0010hello\n");
    expect(await running).toBe(5);
    expect(streams.out().toString()).toContain("22 77\r\n");
    expect(streams.out().toString()).toContain("hello");
  });

  test("is killed when its client goes, and marked failed", async () => {
    await using paas = await startTasks();
    const stop = new AbortController();
    const streams = capture();
    const running = paas.tasks.port.run(actor, shop, ["echo up; exec sleep 1000"], streams, stop.signal);
    await waitFor(() => streams.out().includes("up"), { every: 20, signal: soon() });
    stop.abort(new Error("client went"));
    await expect(running).rejects.toThrow("client went");
    expect(await paas.containers()).toEqual([]);
    expect(paas.tasks.port.list(shop)).toMatchObject([{ status: "failed", exitCode: undefined }]);
  });

  test("aborted at any moment of its start leaves nothing behind", async () => {
    await using paas = await startTasks();
    for (const afterMs of [0, 5, 15, 40, 100, 250]) {
      const signal = AbortSignal.timeout(afterMs);
      await expect(paas.tasks.port.run(actor, shop, ["sleep 1000"], capture(), signal)).rejects.toMatchObject({
        name: "TimeoutError",
      });
    }
    await waitFor(async () => (await paas.containers()).length === 0, { every: 50, signal: soon() });
    expect(paas.store.running()).toEqual([]);
  });

  test("its output is its client's alone, its start and end are in the log", async () => {
    await using paas = await startTasks();
    paas.logs.collector.start();
    await paas.tasks.port.run(actor, shop, ["echo", "secret"], capture(), soon());
    await delay(300);
    expect(await paas.logTexts()).toEqual([
      "paas[run.1] Starting process with command `echo secret` by user owner",
      "paas[run.1] Process exited with status 0",
    ]);
  });

  test("says so when it was killed for memory", async () => {
    await using paas = await startTasks({ memoryMb: 32 });
    const streams = capture();
    const hog = "exec python3 -c 'x = bytearray(200 * 1024 * 1024); print(len(x))'";
    expect(await paas.tasks.port.run(actor, shop, [hog], streams, soon())).toBe(137);
    expect(streams.err()).toContain("Killed for memory (limit 32 MB)");
  });

  test("without a command, of an unknown app, or of an image that is gone is refused", async () => {
    await using paas = await startTasks();
    const refused = (words: string[], name = shop) => paas.tasks.port.run(actor, name, words, capture(), soon());
    await expect(refused([])).rejects.toMatchObject({ code: "TASK_COMMAND_MISSING" });
    await expect(refused(["ls"], "nope" as typeof shop)).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
    const base = { version: 7, launcher: ["/bin/sh", "-c"], processes: [], env: {}, memoryMb: 64, cpus: 1 };
    const gone = { ...base, imageId: `sha256:${"0".repeat(64)}` };
    await using tasks = paas.boot({ apps: { get: () => paas.app, releaseEnvironment: async () => gone } });
    const run = tasks.port.run(actor, shop, ["ls"], capture(), soon());
    await expect(run).rejects.toMatchObject({ code: "DROPLET_GONE", message: expect.stringContaining("v7") });
    expect(await paas.containers()).toEqual([]);
  });
});
