import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AppId, AppName } from "../../../server/core/ids.ts";
import { waitFor } from "../../../server/core/time.ts";
import type { LogLine } from "../../../server/core/types.ts";
import { createLogsPort } from "../../../server/logs/port.ts";
import { createLogStore, type LogStore, type LogStoreOptions } from "../../../server/logs/store.ts";

const app = "appaaaaaaaaa" as AppId;
const shop = "shop" as AppName;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "paas-logs-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = (options: Partial<LogStoreOptions> = {}) => createLogStore({ dir, flushMs: 5, retryMs: 20, ...options });
const portOf = (store: LogStore) => createLogsPort(store, () => app);
const line = (text: string, more: Partial<LogLine> = {}): LogLine => ({
  at: 1700000000000,
  source: "app",
  process: "web.1",
  text,
  ...more,
});
const textsOf = (lines: readonly LogLine[]) => lines.map((one) => one.text);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i));

async function collect(lines: AsyncIterable<LogLine>): Promise<readonly LogLine[]> {
  const found: LogLine[] = [];
  for await (const one of lines) found.push(one);
  return found;
}

async function bytesOnDisk(): Promise<number> {
  const files = await readdir(path.join(dir, app));
  const sizes = await Promise.all(files.map(async (file) => (await stat(path.join(dir, app, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe("a log", () => {
  test("gives back the last lines in order of arrival, after a restart too", async () => {
    {
      await using store = open();
      for (const text of numbers(0, 1000)) store.append(app, line(text));
      expect(textsOf(await portOf(store).recent(shop, { lines: 3 }))).toEqual(["997", "998", "999"]);
    }
    await using store = open();
    store.append(app, line("after"));
    expect(textsOf(await portOf(store).recent(shop, { lines: 3 }))).toEqual(["998", "999", "after"]);
  });

  test("finds lines of a process, of an instance and of a source", async () => {
    await using store = open();
    store.append(app, line("one"));
    store.append(app, line("two", { process: "web.2" }));
    store.append(app, line("three", { process: "webhook.1" }));
    store.append(app, line("four", { source: "paas", process: "web.1" }));
    const recent = async (filter: { process?: string; source?: "app" | "paas" }) =>
      textsOf(await portOf(store).recent(shop, { lines: 100, ...filter }));
    expect(await recent({ process: "web" })).toEqual(["one", "two", "four"]);
    expect(await recent({ process: "web.2" })).toEqual(["two"]);
    expect(await recent({ source: "paas" })).toEqual(["four"]);
    expect(await recent({ process: "web", source: "app" })).toEqual(["one", "two"]);
  });

  test("an append is on disk soon with nobody reading", async () => {
    await using store = createLogStore({ dir });
    store.append(app, line("soon"));
    const read = () => readFile(path.join(dir, app, "00000001.log"), "utf8").catch(() => "");
    await waitFor(async () => (await read()).includes("\tsoon\n"), { every: 20, signal: AbortSignal.timeout(5_000) });
  });

  test("is bounded: the oldest lines go, the newest stay", async () => {
    await using store = open({ segmentBytes: 10_000, segments: 4 });
    for (const text of numbers(0, 5000)) store.append(app, line(`${text} ${"x".repeat(50)}`));
    const lines = await portOf(store).recent(shop, { lines: 10_000 });
    expect(await bytesOnDisk()).toBeLessThanOrEqual(40_000);
    expect(lines.length).toBeGreaterThan(300);
    const found = lines.map((one) => Number(one.text.split(" ")[0]));
    expect(found).toEqual(numbers(5000 - lines.length, 5000).map(Number));
  });

  test("a line torn by a crash is left out, and what comes after is whole", async () => {
    {
      await using store = open();
      store.append(app, line("whole"));
    }
    await appendFile(path.join(dir, app, "00000001.log"), "1700000000000000000\ta\tweb.1\t\thalf a li");
    await using store = open();
    store.append(app, line("next"));
    expect(textsOf(await portOf(store).recent(shop, { lines: 10 }))).toEqual(["whole", "next"]);
  });

  test("one text of several lines, or with control characters, cannot forge a line of another process", async () => {
    await using store = open();
    store.append(app, line("a\nb\tc\u001b[2J", { process: "web.1\tx" }));
    const lines = await portOf(store).recent(shop, { lines: 10 });
    expect(lines.map((one) => [one.process, one.text])).toEqual([
      ["web.1 x", "a"],
      ["web.1 x", "b\tc\\x1b[2J"],
    ]);
  });

  test("holds lines while the disk takes none, and writes them when it does again", async () => {
    const blocker = path.join(dir, "logs");
    await writeFile(blocker, "");
    await using store = open({ dir: blocker });
    store.append(app, line("kept"));
    await delay(50);
    await rm(blocker);
    expect(textsOf(await portOf(store).recent(shop, { lines: 10 }))).toEqual(["kept"]);
  });

  test("of a removed app is gone and stays gone, and its readers end", async () => {
    await using store = open();
    store.append(app, line("x"));
    const tail = collect(portOf(store).tail(shop, { lines: 5 }, AbortSignal.timeout(10_000)));
    await delay(50);
    await store.remove(app);
    store.append(app, line("late"));
    expect(textsOf(await tail)).toEqual(["x"]);
    await delay(50);
    expect(await readdir(dir)).toEqual([]);
  });

  test("of an app that is not known any more is removed", async () => {
    {
      await using store = open();
      store.append(app, line("x"));
      store.append("gone" as AppId, line("x"));
    }
    await using store = open();
    await store.retain(new Set([app]));
    expect(await readdir(dir)).toEqual([app]);
  });
});

describe("positions", () => {
  const origin = (ordinal: number) => ({ container: "aaaaaaaaaaaa", stream: "o", ordinal, isOpen: false }) as const;
  const ns = (value: number) => String(value).padStart(19, "0");

  test("are found again after the records they came from were dropped", async () => {
    {
      await using store = open({ segmentBytes: 2000, segments: 2 });
      store.of(app).keep({ ns: ns(7), source: "app", process: "web.1", text: "x", origin: origin(4) });
      for (const text of numbers(0, 500)) store.append(app, line(text));
    }
    await using store = open({ segmentBytes: 2000, segments: 2 });
    expect(await store.of(app).position("aaaaaaaaaaaa")).toEqual({ o: { ns: ns(7), ordinal: 4, isOpen: false } });
    await store.of(app).retain((container) => container !== "aaaaaaaaaaaa");
    expect(await store.of(app).position("aaaaaaaaaaaa")).toEqual({});
  });

  test("say what is on disk when the process was killed", async () => {
    const killed = open();
    for (let i = 1; i <= 200; i++) {
      killed.of(app).keep({ ns: ns(i), source: "app", process: "web.1", text: `${i}`, origin: origin(1) });
      if (i % 50 === 0) await delay(3);
    }
    await using store = open();
    const position = await store.of(app).position("aaaaaaaaaaaa");
    const last = textsOf(
      await store
        .of(app)
        .recent(1, () => true, AbortSignal.timeout(1000))
        .then((found) => found.lines),
    );
    expect(position.o?.ns).toBe(last[0] === undefined ? undefined : ns(Number(last[0])));
    await killed[Symbol.asyncDispose]();
  });
});

describe("tail", () => {
  test("gives the recent lines, then every later one once, under concurrent appends", async () => {
    const schedule = fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 60 }), pauseMs: fc.integer({ min: 0, max: 8 }) }),
      {
        minLength: 2,
        maxLength: 8,
      },
    );
    await fc.assert(
      fc.asyncProperty(schedule, fc.integer({ min: 1, max: 30 }), fc.nat(), async (bursts, recent, joinSeed) => {
        const appId = `app${Math.random().toString(36).slice(2, 11)}` as AppId;
        await using store = open({ segmentBytes: 5_000, segments: 50 });
        const total = bursts.reduce((sum, burst) => sum + burst.count, 0);
        const stop = new AbortController();
        const seen: number[] = [];
        const read = async () => {
          const port = createLogsPort(store, () => appId);
          for await (const one of port.tail(shop, { lines: recent }, stop.signal)) {
            seen.push(Number(one.text));
            if (seen.at(-1) === total - 1) stop.abort();
          }
        };
        let next = 0;
        let reading: Promise<void> | undefined;
        for (const [i, burst] of bursts.entries()) {
          if (i === joinSeed % bursts.length) reading = read();
          for (let k = 0; k < burst.count; k++) store.append(appId, line(String(next++)));
          await delay(burst.pauseMs);
        }
        await Promise.race([reading, delay(5000)]);
        stop.abort();
        const first = seen[0] ?? -1;
        expect(seen).toEqual(numbers(first, total).map(Number));
        expect(first).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  test("a reader slower than the log is told what it missed, and memory is not used for it", async () => {
    await using store = open({ segmentBytes: 5_000, segments: 2 });
    store.append(app, line("first"));
    const stop = new AbortController();
    const tail = portOf(store).tail(shop, { lines: 1 }, stop.signal)[Symbol.asyncIterator]();
    expect((await tail.next()).value).toMatchObject({ text: "first" });
    for (const text of numbers(0, 2000)) store.append(app, line(text));
    await store.of(app).flush(AbortSignal.timeout(5000));
    expect((await tail.next()).value).toMatchObject({
      source: "paas",
      process: "logs",
      text: expect.stringContaining("dropped"),
    });
    stop.abort();
    await tail.return?.();
  });

  test("a new line reaches the reader within a quarter of a second", async () => {
    await using store = createLogStore({ dir });
    const stop = new AbortController();
    const tail = portOf(store).tail(shop, { lines: 0 }, stop.signal)[Symbol.asyncIterator]();
    const next = tail.next();
    await delay(50);
    const startedAt = performance.now();
    store.append(app, line("now"));
    expect((await next).value).toMatchObject({ text: "now" });
    expect(performance.now() - startedAt).toBeLessThan(250);
    stop.abort();
    expect((await tail.next()).done).toBe(true);
  });
});
