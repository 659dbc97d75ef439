import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../../server/core/time.ts";
import type { App } from "../../../server/core/types.ts";
import { actor, cache, type Setup, startServices } from "./setup.ts";

let it: Setup;
let client: Awaited<ReturnType<Setup["client"]>>;
let shop: App;
let blog: App;

beforeAll(async () => {
  it = await startServices();
  shop = it.addApp("shop");
  blog = it.addApp("blog");
  await it.services.create(actor, "redis", "small", cache, it.out, it.signal);
  await it.services.bind(actor, shop.name, cache, it.out, it.signal);
  await it.services.bind(actor, blog.name, cache, it.out, it.signal);
  client = await it.client();
});

afterAll(async () => it[Symbol.asyncDispose]());

const uriOf = (app: App) => it.services.environmentOf(app.id).env["REDIS_URL"] ?? "";
const ask = async (app: App, ...commands: string[]) => (await client.redis(uriOf(app), ...commands)).stdout;

async function container() {
  const filters = { label: [`paas.service=${it.services.get(cache).id}`] };
  const [found] = await it.docker.listContainers({ filters });
  return it.docker.getContainer(found?.Id ?? "");
}

test("bound apps connect by their URL and share the keys", async () => {
  expect(uriOf(shop)).toMatch(/^redis:\/\/shop_[a-z0-9]{12}:[\w-]{32}@cache\.service\.internal:6379\/0$/);
  expect(await ask(shop, "SET greeting hi", "GET greeting")).toBe("OK\nhi\n");
  expect(await ask(blog, "GET greeting", "INFO server")).toMatch(/^hi\n# Server/);
});

test("nobody comes in without a password, and no app reaches the server's settings or users", async () => {
  const anonymous = await client.run(["redis-cli", "-h", "cache.service.internal"], "GET greeting\n");
  expect(anonymous.stdout).toContain("NOAUTH");
  const answers = await ask(
    shop,
    "CONFIG SET appendonly no",
    "ACL LIST",
    "SHUTDOWN",
    "FLUSHDB ASYNC",
    "SET greeting hi",
  );
  expect(answers.match(/NOPERM/g)?.length).toBe(3);
});

test("the limit of memory refuses writes and evicts nothing", async () => {
  const info = await ask(shop, "INFO memory");
  expect(info).toContain("maxmemory_policy:noeviction");
  expect(info).toContain(`maxmemory:${153 * 1024 * 1024}`);
});

test("the container is limited, unpublished, and knows no password in the clear", async () => {
  const info = await (await container()).inspect();
  expect(info.HostConfig).toMatchObject({
    Memory: 256 * 1024 * 1024,
    MemorySwap: 256 * 1024 * 1024,
    PidsLimit: 1024,
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    RestartPolicy: { Name: "unless-stopped" },
  });
  expect(info.NetworkSettings.Ports["6379/tcp"] ?? []).toEqual([]);
  expect(info.Config.Labels).toMatchObject({ "paas.kind": "service", "paas.home": it.home });
  const secret = String(it.store.credentials(it.services.get(cache).id)["password"]);
  expect(secret.length).toBe(32);
  expect(JSON.stringify(info)).not.toContain(secret);
});

test("keys and users outlive a killed server, which the engine starts again", async () => {
  expect(await ask(shop, "SET kept yes", "WAITAOF 1 0 5000")).toContain("OK\n1\n");
  process.kill((await (await container()).inspect()).State.Pid, "SIGKILL");
  const answer = await waitFor(async () => (await ask(blog, "GET kept")) || undefined, {
    every: 200,
    signal: it.signal,
  });
  expect(answer).toBe("yes\n");
});

test("keys outlive a container that was removed by hand", async () => {
  await (await container()).remove({ force: true });
  await it.services.reconcile(it.signal);
  expect(await ask(blog, "GET kept")).toBe("yes\n");
});

test("unbind ends the app's connections and its access", async () => {
  const uri = uriOf(blog);
  const waiting = client.redis(uri, "BLPOP nothing 60", "PING");
  await waitFor(async () => (await ask(shop, "CLIENT LIST")).includes("cmd=blpop"), { every: 100, signal: it.signal });
  await it.services.unbind(actor, blog.name, cache, it.out, it.signal);
  // The client connects anew by itself for the second command, and is not let in.
  expect((await waiting).stdout).not.toContain("PONG");
  expect((await client.redis(uri, "GET kept")).stdout).toContain("NOAUTH");
  expect(await ask(shop, "GET kept")).toBe("yes\n");
});
