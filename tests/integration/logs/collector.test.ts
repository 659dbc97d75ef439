import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Docker from "dockerode";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AppId, type AppName, newId } from "../../../server/core/ids.ts";
import { silentLog } from "../../../server/core/log.ts";
import type { LogLine } from "../../../server/core/types.ts";
import { waitFor } from "../../../server/core/time.ts";
import { labels } from "../../../server/docker/client.ts";
import { createLogEngine } from "../../../server/docker/logs.ts";
import { createLogs, type Logs } from "../../../server/logs/logs.ts";
import { createLogStore } from "../../../server/logs/store.ts";
import { openTestEngine, type TestEngine } from "../../support/engine.ts";
import { openGate } from "../../support/socket-gate.ts";

const shop = "shop" as AppName;
let engine: TestEngine;
let dir: string;
let app: AppId;

beforeEach(async () => {
  engine = await openTestEngine();
  dir = await mkdtemp(path.join(tmpdir(), "paas-logs-"));
  app = newId() as AppId;
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

const open = (docker: Docker = engine.docker): Logs =>
  createLogs({
    store: { dir, segmentBytes: 4 * 1024 * 1024 },
    engine: createLogEngine(docker, engine.home),
    resolve: () => app,
    log: silentLog,
  });

interface Started {
  readonly id: string;
  readonly appId: AppId;
  readonly process: string;
  readonly container: Docker.Container;
}

async function run(script: string, more: { readonly index?: number; readonly tty?: boolean } = {}): Promise<Started> {
  const index = more.index ?? 1;
  const container = await engine.docker.createContainer({
    Image: engine.runImage,
    Entrypoint: ["bash", "-c", script],
    Tty: more.tty ?? false,
    Labels: {
      [labels.home]: engine.home,
      [labels.kind]: "instance",
      [labels.app]: app,
      [labels.type]: "web",
      [labels.index]: String(index),
    },
    HostConfig: { LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } } },
  });
  await container.start();
  return { id: container.id, appId: app, process: `web.${index}`, container };
}

const texts = async (logs: Logs) => (await logs.port.recent(shop, { lines: 10_000 })).map((line) => line.text);
const count = (n: number) => Array.from({ length: n }, (_, i) => String(i + 1));

/** All lines on disk, however many. */
async function onDisk(): Promise<readonly LogLine[]> {
  await using store = createLogStore({ dir });
  return (await store.of(app).recent(1_000_000, () => true, AbortSignal.timeout(10_000))).lines;
}

/** Follows from the start of the log, so that no limit of `recent` hides a line. */
async function tailTo(logs: Logs, last: string): Promise<readonly string[]> {
  const found: string[] = [];
  const signal = AbortSignal.timeout(120_000);
  for await (const line of logs.port.tail(shop, { lines: 10_000 }, signal)) {
    found.push(line.text);
    if (line.text === last) break;
  }
  signal.throwIfAborted();
  return found;
}

describe("the collector", () => {
  test("takes 100,000 lines of a chatty container, all of them and in order", async () => {
    await using logs = open();
    const reading = tailTo(logs, "end");
    const started = await run("seq -f '%.0f some words to make it a line' 1 100000; echo end");
    logs.collector.watch(started);
    const found = await reading;
    const numbers = found.slice(0, -1).map((text) => Number(text.split(" ")[0]));
    expect(numbers.length).toBe(100_000);
    expect(numbers.every((number, i) => number === i + 1)).toBe(true);
    expect(numbers.reduce((sum, number) => sum + number, 0)).toBe(5_000_050_000);
  });

  test("goes on where it was after an orderly stop in the middle: no line lost, none twice", async () => {
    const started = await run("for i in {1..6000}; do echo $i; (( i % 100 )) || sleep 0.02; done");
    for (let round = 0; round < 3; round++) {
      await using logs = open();
      logs.collector.start();
      await delay(300);
    }
    await using logs = open();
    logs.collector.start();
    await started.container.wait();
    await logs.collector.finish(started.id);
    expect(await texts(logs)).toEqual(count(6000));
  });

  test("goes on where it was after a daemon that was killed, again and again: no line lost, none twice", async () => {
    const started = await run("for i in {1..30000}; do echo $i; echo $i >&2; (( i % 100 )) || sleep 0.02; done");
    const child = path.join(import.meta.dirname, "collect-child.ts");
    for (let round = 0; round < 4; round++) {
      const daemon = spawn(process.execPath, [child, dir, engine.home, app], { stdio: "inherit" });
      await waitFor(async () => (await onDisk()).length > round * 5000, {
        every: 50,
        signal: AbortSignal.timeout(30_000),
      });
      await delay(200 + 37 * round);
      daemon.kill("SIGKILL");
      await once(daemon, "exit");
    }
    {
      await using logs = open();
      logs.collector.start();
      await started.container.wait();
      await logs.collector.finish(started.id);
    }
    const found = (await onDisk()).map((line) => line.text).sort();
    expect(found).toEqual([...count(30_000), ...count(30_000)].sort());
  });

  test("notices containers that start, and reads one that ended before anyone looked", async () => {
    const early = await run("echo early");
    await early.container.wait();
    await using logs = open();
    logs.collector.start();
    await waitFor(async () => (await texts(logs)).includes("early"), {
      every: 20,
      signal: AbortSignal.timeout(10_000),
    });
    const startedAt = performance.now();
    const late = await run("echo late; sleep 100", { index: 2 });
    await waitFor(async () => (await texts(logs)).includes("late"), { every: 20, signal: AbortSignal.timeout(10_000) });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    const lines = await logs.port.recent(shop, { lines: 10 });
    expect(lines.map((line) => `${line.source}[${line.process}] ${line.text}`)).toEqual([
      "app[web.1] early",
      "app[web.2] late",
    ]);
    expect(Math.abs((lines[1]?.at ?? 0) - Date.now())).toBeLessThan(10_000);
    await late.container.kill();
  });

  test("finish has everything on disk before a container goes, one that nobody watched too", async () => {
    await using logs = open();
    const started = await run("seq 1 5000");
    await started.container.wait();
    await logs.collector.finish(started.id);
    await started.container.remove({ force: true });
    expect(await texts(logs)).toEqual(count(5000));
    await logs.collector.finish(started.id);
    await logs.collector.finish("f".repeat(64));
  });

  test("finish gives up at its deadline when the container goes on", async () => {
    await using logs = open();
    const started = await run("while true; do echo x; sleep 0.05; done");
    logs.collector.watch(started);
    const startedAt = performance.now();
    await logs.collector.finish(started.id, 700);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect((await texts(logs)).length).toBeGreaterThan(1);
  });

  test("a container that is started again goes on in the log", async () => {
    await using logs = open();
    logs.collector.start();
    const started = await run("echo run");
    await started.container.wait();
    await waitFor(async () => (await texts(logs)).length === 1, { every: 20, signal: AbortSignal.timeout(10_000) });
    await started.container.start();
    await waitFor(async () => (await texts(logs)).length === 2, { every: 20, signal: AbortSignal.timeout(10_000) });
    await started.container.wait();
    await logs.collector.finish(started.id);
    expect(await texts(logs)).toEqual(["run", "run"]);
  });

  test("long lines, terminals, bad bytes and a last line without its end arrive harmless", async () => {
    await using logs = open();
    const script = `head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'a\\033[2Jb\\000\\377\\n'; printf 'no end'`;
    const plain = await run(script);
    const terminal = await run(script, { index: 2, tty: true });
    for (const { id, container } of [plain, terminal]) {
      await container.wait();
      await logs.collector.finish(id);
    }
    for (const name of ["web.1", "web.2"]) {
      const lines = await logs.port.recent(shop, { lines: 100, process: name });
      const found = lines.map((line) => line.text);
      const long = found.slice(0, -2);
      expect(long.join("")).toBe("x".repeat(40_000));
      expect(Math.max(...long.map((text) => text.length))).toBeLessThanOrEqual(10_000);
      expect(found.slice(-2)).toEqual(["a\\x1b[2Jb\\x00\ufffd", "no end"]);
    }
  });

  test("an app that floods its log neither hides nor holds up another's lines, nor takes the memory", async () => {
    await using logs = open();
    logs.collector.start();
    const flood = await run("exec yes");
    await delay(1500);
    const before = process.memoryUsage().rss;
    const quiet = newId() as AppId;
    logs.append(quiet, { at: Date.now(), source: "app", process: "web.1", text: "quiet" });
    const startedAt = performance.now();
    const worker = await run("echo hello", { index: 2 });
    await worker.container.wait();
    await logs.collector.finish(worker.id);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await delay(1500);
    await flood.container.kill();
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(150);
  });

  test("goes on by itself when the engine was away", async () => {
    await using gate = await openGate("/var/run/docker.sock", path.join(dir, "..", `paas-gate-${app}.sock`));
    await using logs = open(new Docker({ socketPath: gate.path }));
    logs.collector.start();
    const started = await run("for i in {1..3000}; do echo $i; (( i % 100 )) || sleep 0.1; done");
    await waitFor(async () => (await texts(logs)).length > 100, { every: 20, signal: AbortSignal.timeout(10_000) });
    await gate.close();
    await delay(700);
    await gate.open();
    await started.container.wait();
    await waitFor(async () => (await texts(logs)).length >= 3000, { every: 50, signal: AbortSignal.timeout(20_000) });
    expect(await texts(logs)).toEqual(count(3000));
  });

  test("removing an app ends the following and leaves nothing on disk", async () => {
    await using logs = open();
    logs.collector.start();
    await run("while true; do echo x; sleep 0.01; done");
    await waitFor(async () => (await texts(logs)).length > 3, { every: 20, signal: AbortSignal.timeout(10_000) });
    await logs.removeApp(app);
    await delay(200);
    expect(await readdir(dir)).toEqual([]);
  });
});
