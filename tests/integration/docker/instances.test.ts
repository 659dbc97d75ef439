import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../../server/core/time.ts";
import type { AppId, ProcessType } from "../../../server/core/ids.ts";
import { labels } from "../../../server/docker/client.ts";
import { followEvents } from "../../../server/docker/events.ts";
import { createDockerEngine } from "../../../server/docker/instances.ts";
import { createNetworks } from "../../../server/docker/networks.ts";
import { silentLog } from "../../../server/core/log.ts";
import type { Engine, InstanceSpec } from "../../../server/scheduler/engine.ts";
import { probe } from "../../../server/scheduler/probe.ts";
import { openTestEngine, type TestEngine } from "../../support/engine.ts";

let real: TestEngine;
let engine: Engine;
const appId = "app1" as AppId;
const { signal } = new AbortController();

beforeAll(async () => {
  real = await openTestEngine();
  engine = createDockerEngine(real.docker, real.home, createNetworks(real.docker, real.home));
});
afterAll(() => real[Symbol.asyncDispose]());

function spec(over: Partial<InstanceSpec> = {}): InstanceSpec {
  return {
    appId,
    appName: "shop",
    space: "default",
    cohort: "g1",
    version: 3,
    type: "web" as ProcessType,
    index: 1,
    crashes: 0,
    imageId: real.runImage,
    command: ["python3", "-m", "http.server", "8080"],
    env: { GREETING: "hi" },
    port: 8080,
    memoryMb: 64,
    cpus: 0.5,
    ...over,
  };
}

const find = async (id: string) => (await engine.list(appId, signal)).find((c) => c.id === id);
const deadline = (ms: number) => ({ every: 50, signal: AbortSignal.timeout(ms) });

test("what was started is read back from its labels, answers on its address, and goes on SIGTERM", async () => {
  const id = await engine.start(spec(), signal);
  const seen = await find(id);
  expect(seen).toMatchObject({
    id,
    appId,
    cohort: "g1",
    version: 3,
    type: "web",
    index: 1,
    state: "running",
    port: 8080,
  });
  const target = { address: seen?.address ?? "", port: 8080, path: "/", host: "shop.localhost" };
  await waitFor(async () => (await probe(target)) === undefined, deadline(10_000));
  expect(await engine.listening(id, signal)).toContain("0.0.0.0:8080");
  await engine.stop(id, 5000, signal);
  expect((await find(id))?.state).toBe("exited");
  await engine.remove(id, signal);
  expect(await find(id)).toBeUndefined();
  await engine.remove(id, signal);
  await engine.stop(id, 1000, signal);
});

test("the exit code and the last lines can be read", async () => {
  const id = await engine.start(spec({ index: 2, command: ["sh", "-c", "echo one; echo two >&2; exit 3"] }), signal);
  const ended = await waitFor(async () => {
    const c = await find(id);
    return c?.state === "exited" ? c : undefined;
  }, deadline(10_000));
  expect(ended.exit).toEqual({ code: 3, oomKilled: false });
  expect(ended.finishedAt).toBeGreaterThan(Date.now() - 60_000);
  expect((await engine.tail(id, 10, signal)).toSorted()).toEqual(["one", "two"]);
  await engine.remove(id, signal);
});

test("a check's command runs as the app does; the page that a check asks for must be right", async () => {
  const id = await engine.start(spec({ index: 5 }), signal);
  const say = (script: string, timeoutMs = 10_000) => engine.exec(id, ["sh", "-c", script], timeoutMs);
  expect(await say('echo first; echo "$GREETING"')).toEqual({ code: 0, lastLine: "hi" });
  expect(await say("echo no disk >&2; exit 3")).toEqual({ code: 3, lastLine: "no disk" });
  await expect(say("sleep 60", 500)).rejects.toThrow("aborted due to timeout");
  const address = (await find(id))?.address ?? "";
  const ask = (over: object) =>
    probe({ address, port: 8080, path: "/", host: "shop.localhost", timeoutMs: 5000, ...over });
  await waitFor(async () => (await ask({})) === undefined, deadline(10_000));
  expect(await ask({ content: "Directory listing" })).toBeUndefined();
  expect(await ask({ content: "not in it" })).toBe('GET / answered without "not in it"');
  expect(await ask({ path: "/none" })).toBe("GET /none answered 404");
  expect(await ask({ path: undefined, port: 8081 })).toBe("nothing listens on port 8081");
  await engine.stop(id, 1000, signal);
  await engine.remove(id, signal);
});

test("a process that takes more memory than its limit is known to have been killed for it", async () => {
  const id = await engine.start(spec({ index: 3, command: ["python3", "-c", "x = bytearray(300_000_000)"] }), signal);
  const ended = await waitFor(async () => {
    const c = await find(id);
    return c?.state === "exited" ? c : undefined;
  }, deadline(20_000));
  expect(ended.exit?.oomKilled).toBe(true);
  await engine.remove(id, signal);
});

test("instances of one space reach each other by name", async () => {
  const server = await engine.start(spec({ index: 4 }), signal);
  const script =
    "import urllib.request,time\nfor i in range(50):\n  try:\n    print(urllib.request.urlopen('http://web.shop.internal:8080/',timeout=2).status); break\n  except OSError: time.sleep(0.1)";
  const client = await engine.start(
    spec({ type: "worker" as ProcessType, port: undefined, command: ["python3", "-c", script] }),
    signal,
  );
  await waitFor(async () => (await find(client))?.state === "exited", deadline(20_000));
  expect(await engine.tail(client, 5, signal)).toEqual(["200"]);
  await Promise.all([server, client].map((id) => engine.remove(id, signal)));
});

test("a program that is not in the image ends with 127 and its name", async () => {
  const id = await engine.start(spec({ command: ["/no/such/program"] }), signal);
  const ended = await waitFor(async () => {
    const c = await find(id);
    return c?.state === "exited" ? c : undefined;
  }, deadline(10_000));
  expect(ended.exit?.code).toBe(127);
  expect((await engine.tail(id, 5, signal)).join()).toContain("/no/such/program");
  await engine.remove(id, signal);
});

test("the end of an instance is heard of at once", async () => {
  const heard: AppId[] = [];
  const stop = new AbortController();
  const connected = Promise.withResolvers<void>();
  const following = followEvents(
    real.docker,
    real.home,
    { onInstance: (id) => heard.push(id), onService: () => undefined, onConnect: connected.resolve },
    silentLog,
    stop.signal,
  );
  await connected.promise;
  const id = await engine.start(spec({ index: 5, command: ["true"] }), signal);
  await waitFor(() => heard.length >= 2, deadline(10_000));
  expect(new Set(heard)).toEqual(new Set([appId]));
  stop.abort();
  await following;
  await engine.remove(id, signal);
});

test("a network that was removed by hand is made again for the next instance", async () => {
  const worker = { type: "worker" as ProcessType, port: undefined, command: ["sleep", "100"], space: "removed" };
  const first = await engine.start(spec(worker), signal);
  await engine.remove(first, signal);
  const filters = { label: [`${labels.home}=${real.home}`, `${labels.space}=removed`] };
  const [network] = await real.docker.listNetworks({ filters });
  await real.docker.getNetwork(network?.Id ?? "").remove();
  const second = await engine.start(spec(worker), signal);
  expect((await find(second))?.address).toMatch(/^10\./);
  await engine.remove(second, signal);
});

test("an image that was removed by hand is said to be the droplet that is gone", async () => {
  const imageId = `sha256:${"0".repeat(64)}`;
  const started = engine.start(spec({ imageId }), signal);
  await expect(started).rejects.toMatchObject({ code: "DROPLET_GONE", fields: { version: "v3" } });
});

test("a container that the engine cannot start does not stay behind", async () => {
  const broken = createDockerEngine(real.docker, real.home, {
    // Takes the container, then has nothing to join it to.
    of: async () => "no-such-network",
    removeUnused: async () => undefined,
  });
  await expect(broken.start(spec({ index: 9 }), signal)).rejects.toMatchObject({ code: "RUNTIME_FAILED" });
  expect((await engine.list(appId, signal)).filter((c) => c.index === 9)).toEqual([]);
});
