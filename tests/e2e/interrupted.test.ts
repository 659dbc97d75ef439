import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../server/core/time.ts";
import { connectDocker } from "../../server/docker/client.ts";
import { serverApp } from "../support/apps.ts";
import { installId, TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;
const slowly = (text: string) =>
  serverApp(text, "web: trap 'exit 0' TERM; echo waiting; sleep 60 & wait; python3 server.py\n");

beforeAll(async () => {
  paas = await TestPaas.start();
  shop = await paas.app("shop", serverApp("good"));
  await shop.mustPush();
});
afterAll(() => paas[Symbol.asyncDispose]());

interface BuildRow {
  readonly number: number;
  readonly status: string;
}

/** A push that has begun to start its instances, in a process group of its own as in a terminal. */
async function pushUntilStart(...options: readonly string[]) {
  const child = spawn("git", ["push", ...options, "paas", "main"], {
    ...{ cwd: shop.dir, env: paas.env, detached: true },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "close");
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  await waitFor(() => output.includes("web.1 started"), { every: 20, signal: AbortSignal.timeout(30_000) });
  return { ended, output: () => output, interrupt: () => process.kill(-(child.pid ?? 0), "SIGINT") };
}

async function expectNothingChanged(): Promise<void> {
  const [last] = await paas.json<readonly BuildRow[]>(["builds", "-a", "shop"]);
  expect(last?.status).toBe("cancelled");
  expect(await shop.body()).toBe("good");
  const docker = connectDocker();
  const home = (await installId(paas.home)) ?? "";
  const instances = () => docker.listContainers({ all: true, filters: { label: [`paas.home=${home}`] } });
  await waitFor(async () => (await instances()).length === 1, { every: 100, signal: AbortSignal.timeout(30_000) });
}

test("a push that is interrupted while its instances start is a cancelled build and leaves nothing", async () => {
  await shop.commit(slowly("never"), "slow");
  const push = await pushUntilStart();
  push.interrupt();
  await push.ended;
  await waitFor(async () => (await paas.json<readonly BuildRow[]>(["builds", "-a", "shop"]))[0]?.status !== "running", {
    every: 100,
    signal: AbortSignal.timeout(10_000),
  });
  await expectNothingChanged();
});

test("builds:cancel ends a deploy whose instances start, and the push says by whom", async () => {
  const push = await pushUntilStart();
  await shop.mustCli("builds:cancel");
  const [code] = (await push.ended) as [number];
  expect(code).toBe(1);
  expect(push.output()).toContain("was cancelled by owner");
  expect(push.output()).toContain("v1 is still current");
  await expectNothingChanged();
});

test.for([
  ["builds:set --on-disconnect continue", ["--on-disconnect", "continue"], []],
  ["git push -o continue", ["--on-disconnect", "cancel"], ["-o", "continue"]],
] as const)("with %s a push that is interrupted goes live", async ([name, settings, options]) => {
  await shop.mustCli("builds:set", ...settings);
  await shop.commit(serverApp(name, "web: sleep 2; exec python3 server.py\n"), name);
  const push = await pushUntilStart(...options);
  push.interrupt();
  await push.ended;
  expect(push.output()).toContain("You may leave (Ctrl-C): paas builds -a shop");
  const soon = { every: 100, signal: AbortSignal.timeout(60_000) };
  await waitFor(async () => (await shop.body()) === name, soon);
  await waitFor(
    async () => (await paas.json<readonly BuildRow[]>(["builds", "-a", "shop"]))[0]?.status !== "running",
    soon,
  );
  const [last] = await paas.json<readonly BuildRow[]>(["builds", "-a", "shop"]);
  expect(last?.status).toBe("succeeded");
  expect((await shop.mustCli("builds:output", String(last?.number))).output).toMatch(/=====> v\d+ deployed/);
  // The branch is where it is deployed from: nothing is left to push.
  await waitFor(async () => (await shop.push()).output.includes("Everything up-to-date"), soon);
});
