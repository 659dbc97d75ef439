import { readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pathsOf } from "../../server/config/config.ts";
import { waitFor } from "../../server/core/time.ts";
import { pingDaemon } from "../../server/daemon/ping.ts";
import { connectDocker } from "../../server/docker/client.ts";
import { serverApp } from "../support/apps.ts";
import { installId, launcher, mustSucceed, TestPaas, type TestApp } from "../support/paas.ts";
import { runCommand } from "../support/commands.ts";

// What people do to the machine behind the daemon's back.
const docker = connectDocker();
let paas: TestPaas;
let shop: TestApp;
let label: readonly string[];

beforeAll(async () => {
  paas = await TestPaas.start();
  shop = await paas.app("shop", serverApp("one"));
  await shop.mustPush();
  label = [`paas.home=${await installId(paas.home)}`];
});
afterAll(() => paas[Symbol.asyncDispose]());

const soon = (ms = 20_000) => ({ every: 100, signal: AbortSignal.timeout(ms) });
const serves = async () => (await shop.get()).status === 200;

test("a network that was removed under running instances is made again, and they serve again", async () => {
  await shop.mustCli("checks:set", "web", "--boot-timeout", "3");
  const [network] = await docker.listNetworks({ filters: { label: [...label] } });
  const own = docker.getNetwork(network?.Id ?? "");
  for (const { Id } of await docker.listContainers({ filters: { label: [...label] } })) {
    await own.disconnect({ Container: Id, Force: true });
  }
  await own.remove();
  // Looked at anew: nobody tells of networks.
  await shop.cli("ps:restart");
  await waitFor(serves, soon());
  const instances = async () => (await paas.json<{ instances: readonly unknown[] }>(["ps", "-a", "shop"])).instances;
  await waitFor(async () => (await instances()).length === 1, soon());
});

test("containers that were removed by hand come back", async () => {
  const containers = await docker.listContainers({ filters: { label: [...label] } });
  await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true })));
  await waitFor(serves, soon());
});

test("a service that was killed or removed by hand comes back with its data", async () => {
  mustSucceed(await paas.cli(["create-service", "redis", "small", "db"]));
  await shop.mustCli("bind-service", "shop", "db");
  await shop.mustCli("run", 'redis-cli -u "$REDIS_URL" set kept 42');
  const filters = { label: [...label, "paas.kind=service"] };
  const running = async () => (await docker.listContainers({ filters }))[0]?.Id;
  for (const meddle of [
    (id: string) => docker.getContainer(id).kill(),
    (id: string) => docker.getContainer(id).remove({ force: true }),
  ]) {
    await meddle((await running()) ?? "none");
    await waitFor(running, soon());
    const kept = async () => (await shop.cli("run", 'redis-cli -u "$REDIS_URL" get kept')).stdout.includes("42");
    await waitFor(kept, soon());
  }
});

test("a droplet whose image was removed is said to be gone, and a push brings it back", async () => {
  await shop.mustCli("ps:stop");
  const images = await docker.listImages({ filters: { label: [...label, "paas.kind=droplet"] } });
  for (const { Id } of images) await docker.getImage(Id).remove({ force: true });
  const start = await shop.cli("ps:start");
  expect(start.code).toBe(1);
  expect(start.output).toContain("web.1 could not be started: The droplet of v");
  expect(start.output).toContain("Push that commit again");
  expect((await shop.mustCli("ps")).stdout).toContain("web.1: crashed");
  await shop.commit(serverApp("two"), "two");
  await shop.mustPush();
  expect(await shop.body()).toBe("two");
});

test("a start that finds the port of the API taken says so and leaves no router behind", async () => {
  const taken = net.createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const port = (taken.address() as net.AddressInfo).port;
  const home = path.join(paas.dir, "second");
  const free = { PAAS_HTTP_PORT: "0", PAAS_HTTPS_PORT: "0", PAAS_SSH_PORT: "0" };
  const env = { ...paas.env, ...free, PAAS_HOME: home, PAAS_API_PORT: String(port) };
  const up = await runCommand([launcher, "up", "--detach"], { cwd: paas.dir, env });
  taken.close();
  expect(up.code).toBe(1);
  expect(up.output).toContain(`was ended again: API on port ${port}: is held by`);
  const pid = Number(await readFile(pathsOf(home).routerPidFile, "utf8").catch(() => "0"));
  expect(pid === 0 || !(await isRouter(pid))).toBe(true);
});

test("a daemon whose ssh port was taken while it was away says so, is not ready, and opens it when it is free", async () => {
  const { sshPort } = paas;
  await paas.stop();
  const taken = net.createServer().listen(sshPort, "127.0.0.1");
  await once(taken, "listening");
  const booting = paas.boot();
  const { socket } = pathsOf(paas.home);
  const closed = await waitFor(
    async () => (await pingDaemon(socket))?.closed.find((door) => door.includes("held")),
    soon(),
  );
  expect(closed).toContain(`ssh on port ${sshPort}: is held by`);
  expect((await paas.cli(["version"])).output).toContain(`ssh on port ${sshPort}: is held by`);
  expect(await shop.body()).toBe("two");
  taken.close();
  await booting;
  expect((await shop.git("ls-remote", "paas")).code).toBe(0);
});

test("a home that is a file is refused in one line", async () => {
  const home = path.join(paas.dir, "file");
  await writeFile(home, "");
  const up = await runCommand([launcher, "up", "--detach"], { cwd: paas.dir, env: { ...paas.env, PAAS_HOME: home } });
  expect(up.code).toBe(1);
  expect(up.output).toContain(`PAAS_HOME=${home}: there is a file in its place`);
  expect(up.output).not.toContain("    at ");
});

async function isRouter(pid: number): Promise<boolean> {
  const args = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return args.includes("router/main.ts");
}
