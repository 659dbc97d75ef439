import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../server/core/time.ts";
import { connectDocker } from "../../server/docker/client.ts";
import { serverApp, workerLine } from "../support/apps.ts";
import { runCommand } from "../support/commands.ts";
import { installId, launcher, TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;

beforeAll(async () => {
  paas = await TestPaas.start();
  shop = await paas.app("shop", serverApp("one", `web: python3 server.py\n${workerLine}`));
});
afterAll(() => paas[Symbol.asyncDispose]());

interface Ps {
  readonly instances: readonly { readonly name: string; readonly state: string }[];
}
const names = async () => (await paas.json<Ps>(["ps", "-a", "shop"])).instances.map((i) => i.name);

test("an app without a release answers 503, an unknown host 404", async () => {
  expect((await shop.get()).status).toBe(503);
  expect((await paas.request("nobody.paas.test")).status).toBe(404);
});

test("a first push says what it does and ends with the URL", async () => {
  const { output } = await shop.mustPush();
  expect(output).toMatch(/remote: -----> /);
  expect(output).toMatch(/remote: =====> v1 deployed: http:\/\/shop\.paas\.test:\d+/);
  expect(await shop.body()).toBe("one");
});

test("scaling moves only the difference", async () => {
  await shop.mustCli("ps:scale", "web=2", "worker=1");
  expect(await names()).toEqual(["web.1", "web.2", "worker.1"]);
  const before = await paas.json<{ instances: { name: string; container: string }[] }>(["ps", "-a", "shop"]);
  await shop.mustCli("ps:scale", "web=3");
  const after = await paas.json<{ instances: { name: string; container: string }[] }>(["ps", "-a", "shop"]);
  for (const instance of before.instances) expect(after.instances).toContainEqual(expect.objectContaining(instance));
  await shop.mustCli("ps:scale", "web=1");
});

test("restarting one type leaves the others alone", async () => {
  const containers = async () => {
    const { instances } = await paas.json<{ instances: { name: string; container: string; state: string }[] }>([
      "ps",
      "-a",
      "shop",
    ]);
    return Object.fromEntries(instances.filter((i) => i.state === "up").map((i) => [i.name, i.container]));
  };
  const before = await containers();
  await shop.mustCli("ps:restart", "worker");
  const after = await containers();
  expect(after["web.1"]).toBe(before["web.1"]);
  expect(after["worker.1"]).not.toBe(before["worker.1"]);
});

test("config vars make a release, and a rollback brings code, config and commands back", async () => {
  await shop.mustCli("config:set", "GREETING=hi");
  expect(await shop.body("/env/GREETING")).toBe("hi");
  await shop.commit(serverApp("two"), "two");
  await shop.mustPush();
  await shop.mustCli("config:unset", "GREETING");
  expect(await shop.body("/env/GREETING")).toBe("");
  await shop.mustCli("rollback", "v2");
  expect(await shop.body()).toBe("one");
  expect(await shop.body("/env/GREETING")).toBe("hi");
  expect((await paas.json<Record<string, string>>(["config", "-a", "shop"]))["GREETING"]).toBe("hi");
  // The ref follows, so that the newer commit can be pushed again.
  await shop.mustPush();
  expect(await shop.body()).toBe("two");
});

test("routes by host, wildcard and longest path, to the right app only", async () => {
  const api = await paas.app("api", serverApp("api"));
  await api.mustPush();
  await shop.mustCli("map-route", "shop", "www.example.test");
  await paas.cli(["map-route", "api", "example.test", "--hostname", "www", "--path", "/v2"]);
  await paas.cli(["map-route", "api", "example.test", "--hostname", "*"]);
  expect((await paas.request("www.example.test", "/")).body).toBe("two");
  expect((await paas.request("www.example.test", "/v2/x")).body).toBe("api");
  expect((await paas.request("www.example.test", "/v20")).body).toBe("two");
  expect((await paas.request("any.example.test", "/")).body).toBe("api");
  await shop.mustCli("unmap-route", "shop", "www.example.test");
  expect((await paas.request("www.example.test", "/")).status).toBe(503);
  await paas.cli(["apps:destroy", "api", "--confirm", "api"]);
  expect((await paas.request("any.example.test", "/")).status).toBe(404);
});

test("logs hold app, router, build and platform lines across a daemon restart", async () => {
  await shop.body("/marker-one");
  const has = async (...args: string[]) => (await shop.mustCli("logs", ...args)).stdout;
  await waitFor(async () => (await has("-n", "500")).includes("/marker-one"), {
    every: 200,
    signal: AbortSignal.timeout(10_000),
  });
  await paas.stop();
  await paas.boot();
  const all = await has("-n", "1500");
  expect(all).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+\+00:00 app\[web\.1\]: up$/m);
  expect(all).toMatch(
    /paas\[router\]: at=info method=GET path="\/marker-one" host=shop\.paas\.test .*dyno=web\.1 .*status=200/,
  );
  expect(all).toMatch(/build\[build\.1\]: /);
  expect(all).toMatch(/paas\[web\.1\]: Starting process with command/);
  expect(await has("--source", "router", "-n", "50")).not.toContain("app[web.1]");
});

test("logs --tail goes on with what comes", async () => {
  const tail = runCommand([launcher, "logs", "--tail", "-a", "shop"], {
    cwd: shop.dir,
    env: paas.env,
    timeoutMs: 6000,
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await shop.body("/marker-tail");
  expect((await tail).stdout).toContain("/marker-tail");
});

test("run gives output and exit code, pipes included", async () => {
  expect((await shop.cli("run", "echo", "a b")).stdout).toContain("a b");
  expect((await shop.cli("run", "exit 7")).code).toBe(7);
  const piped = await runCommand([launcher, "run", "wc -c"], { cwd: shop.dir, env: paas.env, input: "12345" });
  expect(piped.stdout.trim()).toBe("5");
});

test("stop and start", async () => {
  await shop.mustCli("ps:stop");
  expect(await names()).toEqual([]);
  const answer = await shop.get();
  expect([answer.status, answer.headers["x-paas-error"]]).toEqual([503, "H14"]);
  await shop.mustCli("ps:start");
  expect(await shop.body()).toBe("two");
});

test("the same verbs work over ssh without a client", async () => {
  const ssh = (paas.env["GIT_SSH_COMMAND"] ?? "").split(" ");
  const result = await runCommand([...ssh, "-p", String(paas.sshPort), "paas@127.0.0.1", "ps", "-a", "shop"], {
    env: paas.env,
  });
  expect(result.code).toBe(0);
  expect(result.stdout).toContain("web.1");
  const missing = await runCommand([...ssh, "-p", String(paas.sshPort), "paas@127.0.0.1", "ps", "-a", "nope"], {
    env: paas.env,
  });
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain('There is no app "nope"');
});

test("a second push waits; a third takes the place of the second, and both are told", async () => {
  const slow = serverApp("slow", "web: python3 server.py\nrelease: sleep 4\n");
  await shop.commit(slow, "slow");
  const first = shop.push();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const clone = async (name: string, text: string) => {
    const dir = `${paas.dir}/${name}`;
    await paas.must(["git", "clone", "-q", shop.dir, dir]);
    await paas.must(["sh", "-c", `printf '${text}' > note.txt && git add -A && git commit -q -m ${name}`], {
      cwd: dir,
    });
    const url = (await shop.git("remote", "get-url", "paas")).stdout.trim();
    return runCommand(["git", "push", url, "+main"], { cwd: dir, env: paas.env });
  };
  const second = clone("second", "2");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const third = clone("third", "3");
  const [a, b, c] = await Promise.all([first, second, third]);
  expect(a.output).toContain("deployed");
  expect(b.code).toBe(1);
  expect(b.output).toContain("Superseded");
  expect(c.output).toContain("Waiting:");
});

test("destroying takes the name as confirmation and leaves nothing in the engine", async () => {
  expect((await paas.cli(["apps:destroy", "shop", "--confirm", "shoop"])).code).toBe(1);
  await shop.mustCli("apps:destroy", "shop", "--confirm", "shop");
  expect((await shop.get()).status).toBe(404);
  const label = [`paas.home=${(await installId(paas.home)) ?? ""}`];
  const docker = connectDocker();
  expect(await docker.listContainers({ all: true, filters: { label } })).toEqual([]);
  expect(await docker.listImages({ filters: { label: [...label, "paas.kind=droplet"] } })).toEqual([]);
  expect(await paas.json(["apps"])).toEqual([]);
});
