import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serverApp, workerLine } from "../support/apps.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;

beforeAll(async () => {
  paas = await TestPaas.start();
  shop = await paas.app("shop", serverApp("good", `web: python3 server.py\n${workerLine}`));
  await shop.mustCli("checks:set", "web", "--boot-timeout", "10");
  await shop.mustPush();
  await shop.mustCli("ps:scale", "worker=1");
});
afterAll(() => paas[Symbol.asyncDispose]());

/** Pushes files that must not come up, and answers what the pusher was told. The old release goes on serving. */
async function refused(files: Readonly<Record<string, string>>): Promise<string> {
  const before = await shop.git("rev-parse", "paas/main");
  await shop.commit(files, "bad");
  const result = await shop.push();
  expect(result.output).toContain("[remote rejected]");
  expect(result.code).toBe(1);
  expect(await shop.body()).toBe("good");
  expect((await shop.git("rev-parse", "paas/main")).stdout).toBe(before.stdout);
  const { instances } = await paas.json<{ instances: { state: string }[] }>(["ps", "-a", "shop"]);
  expect(instances.filter((i) => i.state === "up")).toHaveLength(2);
  return result.output;
}

const good = serverApp("good", `web: python3 server.py\n${workerLine}`);
const web = (command: string) => ({ ...good, Procfile: `web: ${command}\n${workerLine}` });

describe("a push that does not come up is rejected with its cause, and the old release serves", () => {
  test("a web process that exits at once", async () => {
    const output = await refused(web("python3 -c \"import sys; print('no database'); sys.exit(3)\""));
    expect(output).toContain("web.1 exited with code 3");
    expect(output).toContain("no database");
    expect(output).toContain("v1 is still current");
  });

  test("a web process that never listens", async () => {
    const output = await refused(web('python3 -c "import time; time.sleep(1000)"'));
    expect(output).toContain("was not healthy within 10 s");
    expect(output).toContain("nothing listens on port 8080");
  });

  test("a web process that listens on the wrong port", async () => {
    const output = await refused(web("python3 -m http.server 3000"));
    expect(output).toContain("it listens on 0.0.0.0:3000, not on PORT (8080)");
  });

  test("a web process that listens on loopback only", async () => {
    const output = await refused(web("python3 -m http.server 8080 --bind 127.0.0.1"));
    expect(output).toContain("127.0.0.1:8080, which nobody outside the container can reach");
  });

  test("a web process that takes too much memory", async () => {
    const output = await refused(web('python3 -c "x = bytearray(2_000_000_000)"'));
    expect(output).toContain("was killed for memory (limit 512 MB)");
    expect(output).toContain("paas limits:set web --memory 1024M");
  });

  test("a worker that crashes", async () => {
    const output = await refused({
      ...good,
      Procfile: "web: python3 server.py\nworker: sh -c 'echo cannot; exit 7'\n",
    });
    expect(output).toContain("worker.1 exited with code 7");
    expect(output).toContain("cannot");
  });

  test("a release phase that exits 1", async () => {
    const output = await refused({ ...good, Procfile: `${good["Procfile"]}release: sh -c 'echo migrating; exit 1'\n` });
    expect(output).toContain("migrating");
    expect(output).toContain("the release phase exited with code 1");
  });

  test("a Procfile with merge markers", async () => {
    const output = await refused({ ...good, Procfile: "<<<<<<< HEAD\nweb: python3 server.py\n" });
    expect(output).toMatch(/Procfile.*line 1/i);
  });

  test("a Dockerfile that fails", async () => {
    const output = await refused({ ...good, Dockerfile: "FROM no-such-image-anywhere\n" });
    expect(output).toContain("no-such-image-anywhere");
    await paas.must(["git", "rm", "-q", "Dockerfile"], { cwd: shop.dir });
  });

  test("a submodule that .gitmodules does not name, which is no error in the operator's log", async () => {
    const lib = path.join(shop.dir, "vendor", "lib");
    await shop.write({ "vendor/lib/lib.txt": "lib" });
    for (const args of [
      ["init", "-q"],
      ["add", "."],
      ["commit", "-qm", "lib"],
    ]) {
      await paas.must(["git", "-C", lib, ...args]);
    }
    const output = await refused(good);
    expect(output).toContain("git rm --cached vendor/lib");
    expect(await readFile(path.join(paas.home, "paasd.log"), "utf8")).not.toContain('"level":"error"');
    await rm(lib, { recursive: true });
  });

  test("a repository that nothing matches", async () => {
    const output = await refused({ "notes.txt": "nothing to run", Procfile: "" });
    expect(output.toLowerCase()).toContain("procfile");
  });
});

test("after all of that a good push comes up", async () => {
  await shop.commit(serverApp("better"), "better");
  const result = await shop.mustPush();
  expect(result.output).toMatch(/=====> v\d+ deployed: http:\/\/shop\.paas\.test/);
  expect(await shop.body()).toBe("better");
});

test("another branch is refused with the command that would deploy it", async () => {
  await shop.git("checkout", "-q", "-b", "feature");
  const result = await shop.push("feature");
  expect(result.code).toBe(1);
  expect(result.output).toContain("git push paas feature:main");
  await shop.git("checkout", "-q", "main");
});

test("a config change that does not come up leaves release and config as they were", async () => {
  await shop.commit(
    { Procfile: "web: sh -c 'test -z \"$BREAK\" || exit 9; exec python3 server.py'\n" },
    "breaks on a variable",
  );
  await shop.mustPush();
  const result = await shop.cli("config:set", "BREAK=1");
  expect(result.code).toBe(1);
  expect(result.output).toContain("web.1 exited with code 9");
  expect(await shop.body("/env/BREAK")).toBe("");
  expect(await paas.json<Record<string, string>>(["config", "-a", "shop"])).not.toHaveProperty("BREAK");
});

test("secrets that a release phase prints are not shown and not kept", async () => {
  await shop.mustCli("config:set", "SECRET_KEY=correct-horse-battery");
  await shop.commit(
    { Procfile: "web: python3 server.py\nrelease: sh -c 'echo key is $SECRET_KEY'\n" },
    "prints a secret",
  );
  const { output } = await shop.mustPush();
  expect(output).toContain("key is ");
  expect(output).not.toContain("correct-horse-battery");
  const builds = await paas.json<{ number: number }[]>(["builds", "-a", "shop"]);
  const kept = await shop.mustCli("builds:output", String(builds[0]?.number));
  expect(kept.stdout).toContain("key is ");
  expect(kept.stdout).not.toContain("correct-horse-battery");
});

test("a second daemon on the same home says so", async () => {
  const result = await paas.cli(["up", "--detach"]);
  expect(result.code).toBe(1);
  expect(result.stderr).toContain(`A daemon already runs in ${paas.home} (process ${paas.pid})`);
});

test("a route that another app holds is refused with its owner", async () => {
  await paas.cli(["apps:create", "other", "--no-remote"]);
  await shop.mustCli("map-route", "shop", "www.example.test");
  const result = await paas.cli(["map-route", "other", "www.example.test"]);
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('belongs to app "shop"');
});

test.each([
  [["apps:create", "Shop"], "is not a valid app name"],
  [["ps", "-a", "nowhere"], 'There is no app "nowhere"'],
  [["create-service", "postgres", "small", "My_DB"], "is not a valid service name"],
  [["map-route", "shop", "exa mple.test"], "is not a valid host name"],
  [["config:set", "-a", "shop", "1X=2"], "is not a valid config var name"],
  [["ps:scale", "-a", "shop", "nope=1"], 'has no process type "nope"'],
  [["checks:set", "nope", "--path", "/", "-a", "shop"], 'has no process type "nope"'],
])("%j is refused in one line and a hint", async (args, message) => {
  const result = await paas.cli(args);
  expect(result.code).toBeGreaterThan(0);
  expect(result.stderr).toContain(message);
  expect(result.stderr.trim().split("\n")).toHaveLength(2);
});
