import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../../server/core/time.ts";
import type { Build } from "../../server/core/types.ts";
import { serverApp } from "../support/apps.ts";
import { startLoad } from "../support/load.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;

beforeAll(async () => {
  paas = await TestPaas.start({ PAAS_PARALLEL_BUILDS: "1" });
  shop = await paas.app("shop", serverApp("one"));
  await shop.mustPush();
});
afterAll(() => paas[Symbol.asyncDispose]());

/** A Node app whose build script does this. */
function building(script: string): Readonly<Record<string, string>> {
  return {
    "package.json": JSON.stringify({ name: "built", scripts: { build: "bash build.sh", start: "node server.js" } }),
    "build.sh": script,
    "server.js":
      'require("node:http").createServer((q, s) => s.end("built")).listen(process.env.PORT);\nprocess.on("SIGTERM", () => process.exit(0));\n',
  };
}

const endless = "echo begun; exec sleep 600\n";
const buildsOf = (app: string) => paas.json<Build[]>(["builds", "-a", app]);
const isBuilding = (app: string, status: Build["status"]) =>
  waitFor(async () => (await buildsOf(app))[0]?.status === status, {
    every: 100,
    signal: AbortSignal.timeout(60_000),
  });

describe("a build that takes too much fails with the limit that it met and the verb that raises it", () => {
  let abuser: TestApp;
  beforeAll(async () => {
    abuser = await paas.app("abuser", building("true"));
    await abuser.mustPush();
    const limits = ["--memory", "192M", "--pids", "80", "--disk", "64M", "--timeout", "20s"];
    await abuser.mustCli("builds:limits:set", ...limits);
  });

  test.each([
    [
      "a fork bomb",
      "bomb() { bomb | bomb & }; bomb; sleep 600",
      /hit the limit of 80 processes and threads/,
      "--pids 160",
    ],
    [
      "64 GB of memory",
      'python3 -c "[bytearray(2**30) for _ in range(64)]"',
      /ran out of memory \(builds may use 192 MB\)/,
      "--memory 384M",
    ],
    [
      "a disk that fills",
      "while dd if=/dev/zero bs=1M count=8 status=none; do sleep 0.1; done > fill",
      /The build wrote more than 64 MB and was ended in: npm run build/,
      "--disk 128M",
    ],
    [
      "a build without end",
      endless,
      /The build took longer than 20.0s and was ended in: npm run build/,
      "--timeout 40s",
    ],
  ])("%s, while another app answers every request", async (_what, script, reason, flag) => {
    await using load = startLoad(() => paas.httpPort, shop.host, 20);
    await abuser.commit({ "build.sh": `${script}\n` }, script);
    const push = await abuser.push();
    await load.stop();
    expect(push.code).toBe(1);
    expect(push.output).toMatch(reason);
    expect(push.output).toContain(`paas builds:limits:set ${flag} -a abuser`);
    expect(push.output).toContain("v1 is still current");
    expect(load.failures).toEqual([]);
    expect((await buildsOf("abuser"))[0]).toMatchObject({ status: "failed", reason: expect.stringMatching(reason) });
  });
});

describe("a push whose droplet is there already", () => {
  test("builds nothing after a rollback, and says whose droplet it takes", async () => {
    const app = await paas.app("twice", building("echo building v1\n"));
    await app.mustPush();
    await app.commit({ "build.sh": "echo building v2\n" }, "two");
    expect((await app.mustPush()).output).toContain("building v2");
    await app.mustCli("rollback");
    const again = await app.mustPush();
    expect(again.output).toContain("Droplet of v2 reused");
    expect(again.output).not.toContain("building v2");
    expect(again.output).toContain("v4 deployed");
  });

  test("builds nothing when only what kept it from coming up was put right", async () => {
    const app = await paas.app("later", {
      ...serverApp("up"),
      Procfile: "web: sh -c 'test -n \"$TOKEN\" || exit 9; exec python3 server.py'\n",
    });
    await app.mustCli("checks:set", "web", "--boot-timeout", "10");
    expect((await app.push()).output).toContain("exited with code 9");
    await app.mustCli("config:set", "TOKEN=some-value");
    const again = await app.mustPush();
    expect(again.output).toContain("Droplet of v1 reused");
    expect(await app.body()).toBe("up");
  });
});

describe("builds take turns", () => {
  let slow: TestApp;
  let next: TestApp;
  beforeAll(async () => {
    slow = await paas.app("slow", building(endless));
    next = await paas.app("next", building(endless));
  });

  test("one that waits is told its place and can be cancelled; a push that only copies files does not wait", async () => {
    const running = slow.push();
    await isBuilding("slow", "running");
    await waitFor(async () => (await slow.cli("builds:output", "1")).stdout.includes("begun"), {
      every: 200,
      signal: AbortSignal.timeout(60_000),
    });
    const waiting = next.push();
    await isBuilding("next", "queued");
    const kept = async () => (await next.cli("builds:output", "1")).stdout;
    await waitFor(async () => /Waiting: position 1 of 1, behind push [0-9a-f]{8} of slow/.test(await kept()), {
      every: 200,
      signal: AbortSignal.timeout(60_000),
    });
    await shop.commit(serverApp("two"), "two");
    await shop.mustPush();
    expect(await shop.body()).toBe("two");
    await next.mustCli("builds:cancel", "1");
    expect((await waiting).output).toContain("cancelled");
    expect((await buildsOf("next"))[0]).toMatchObject({ status: "cancelled" });
    await slow.mustCli("builds:cancel");
    expect((await running).code).toBe(1);
    expect((await buildsOf("slow"))[0]).toMatchObject({ status: "cancelled" });
  });

  test("a daemon that ends in the middle leaves no build running for ever", async () => {
    const running = slow.push();
    await waitFor(async () => (await buildsOf("slow"))[0]?.number === 2, {
      every: 100,
      signal: AbortSignal.timeout(60_000),
    });
    const waiting = next.push();
    await waitFor(async () => (await buildsOf("next"))[0]?.number === 2, {
      every: 100,
      signal: AbortSignal.timeout(60_000),
    });
    await paas.stop("SIGKILL");
    for (const push of await Promise.all([running, waiting])) expect(push.code).not.toBe(0);
    await paas.boot();
    for (const app of ["slow", "next"]) {
      const [build] = await buildsOf(app);
      expect(build).toMatchObject({ number: 2, status: "failed", reason: expect.stringContaining("interrupted") });
      expect(build?.finishedAt).toBeGreaterThan(0);
    }
  });
});
