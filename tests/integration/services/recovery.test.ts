import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../../server/core/ids.ts";
import { waitFor } from "../../../server/core/time.ts";
import type { Services } from "../../../server/services/services.ts";
import { actor, cache, db, type Setup, startServices } from "./setup.ts";

let it: Setup;

beforeEach(async () => {
  it = await startServices();
});

afterEach(async () => it[Symbol.asyncDispose]());

/** A daemon that is killed at some point: from there on it does nothing more, and nobody hears of it. */
const killed = () => new Promise<never>(() => {});

const until = (condition: () => boolean | Promise<boolean>) => waitFor(condition, { every: 50, signal: it.signal });

async function left() {
  const filters = { label: [`paas.home=${it.home}`, "paas.kind=service"] };
  const containers = await it.docker.listContainers({ all: true, filters });
  const { Volumes } = await it.docker.listVolumes({ filters });
  return { containers: containers.length, volumes: Volumes.length, rows: it.store.list().length };
}

const create = (services: Services, offering = "redis") =>
  services.create(actor, offering, "small", offering === "redis" ? cache : db, it.out, it.signal);

const broken = () =>
  it.boot({ create: (spec, signal) => it.runtime.create({ ...spec, args: ["-c", "nonsense=1"] }, signal) });

test("a create that was killed before its container is finished at the next start", async () => {
  void create(it.boot({ createVolume: killed }));
  await until(() => it.store.list().length === 1);
  await it.boot().reconcile(it.signal);
  expect(it.services.get(cache)).toMatchObject({ status: "ready", reason: undefined });
  expect(await left()).toEqual({ containers: 1, volumes: 1, rows: 1 });
});

test("a create that was killed before its accounts were made is finished at the next start", async () => {
  void create(it.boot({ exec: killed }), "postgres");
  await until(async () => (await left()).containers === 1);
  await it.boot().reconcile(it.signal);
  const shop = it.addApp("shop");
  await it.services.bind(actor, shop.name, db, it.out, it.signal);
  const client = await it.client();
  const { stdout } = await client.psql(it.services.environmentOf(shop.id).env["DATABASE_URL"] ?? "", "select 1;");
  expect(stdout).toBe("1\n");
});

test("a delete that was killed after its container is finished at the next start", async () => {
  await create(it.services);
  void it.boot({ removeVolume: killed }).delete(actor, cache, "cache", it.out, it.signal);
  await until(async () => (await left()).containers === 0);
  expect(it.services.get(cache).status).toBe("deleting");
  await it.boot().reconcile(it.signal);
  expect(await left()).toEqual({ containers: 0, volumes: 0, rows: 0 });
});

test("an unbind that was killed while its release rolled out closes the access at the next start", async () => {
  await create(it.services, "postgres");
  const shop = it.addApp("shop");
  await it.services.bind(actor, shop.name, db, it.out, it.signal);
  const uri = it.services.environmentOf(shop.id).env["DATABASE_URL"] ?? "";
  const client = await it.client();
  it.state.duringRedeploy = killed;
  void it.services.unbind(actor, shop.name, db, it.out, it.signal);
  await until(() => it.redeployed.length === 2);
  expect((await client.psql(uri, "select 1;")).stdout).toBe("1\n");
  await it.boot().reconcile(it.signal);
  expect((await client.psql(uri, "select 1;")).stderr).toContain("password authentication failed");
});

test("a create that fails says why with the last lines and leaves nothing", async () => {
  await expect(create(broken(), "postgres")).rejects.toMatchObject({
    code: "SERVICE_CREATE_FAILED",
    message: expect.stringContaining("it ended while starting"),
    hint: "Nothing was left behind. Try again with: paas create-service postgres small db",
  });
  expect(it.lines.join("\n")).toMatch(
    / !     The last lines of db:[^]*unrecognized configuration parameter "nonsense"/,
  );
  expect(await left()).toEqual({ containers: 0, volumes: 0, rows: 0 });
});

test("a create that cannot be finished at the next start is kept as failed, and gives way to a new one", async () => {
  void create(it.boot({ createVolume: killed }), "postgres");
  await until(() => it.store.list().length === 1);
  await broken().reconcile(it.signal);
  expect(it.services.get(db)).toMatchObject({
    status: "failed",
    reason: expect.stringContaining("ended while starting"),
  });
  expect(await left()).toEqual({ containers: 0, volumes: 0, rows: 1 });
  await expect(it.services.bind(actor, it.addApp("shop").name, db, it.out, it.signal)).rejects.toMatchObject({
    code: "SERVICE_NOT_READY",
  });
  expect((await create(it.services, "postgres")).status).toBe("ready");
});

test("a create whose caller goes away leaves nothing", async () => {
  const caller = new AbortController();
  const creating = it.services.create(actor, "postgres", "small", db, it.out, caller.signal);
  const hangUp = async () => {
    await until(async () => (await left()).containers === 1);
    caller.abort(new Error("caller has gone"));
  };
  const [ended] = await Promise.allSettled([creating, hangUp()]);
  expect(ended).toMatchObject({ status: "rejected", reason: { message: "caller has gone" } });
  expect(await left()).toEqual({ containers: 0, volumes: 0, rows: 0 });
});

test("of two creates of one name at once, one makes it and the other finds it", async () => {
  const both = await Promise.all([create(it.services), create(it.services)]);
  expect(both[0].id).toBe(both[1].id);
  expect(await left()).toEqual({ containers: 1, volumes: 1, rows: 1 });
});

test("a stopped container is started again, and one that lost its network is put into the new one", async () => {
  const { id } = await create(it.services);
  const filters = { label: [`paas.service=${id}`] };
  const [found] = await it.docker.listContainers({ filters });
  const container = it.docker.getContainer(found?.Id ?? "");
  await container.stop();
  await it.services.reconcile(it.signal);
  expect((await container.inspect()).State.Running).toBe(true);

  await container.stop();
  const network = it.docker.getNetwork(await it.network());
  const { Name, IPAM, Labels } = await network.inspect();
  await network.remove();
  await it.docker.createNetwork({ Name, IPAM, Labels });
  await it.services.reconcile(it.signal);
  const running = await it.docker.listContainers({ filters });
  expect(running.map((each) => Object.keys(each.NetworkSettings.Networks))).toEqual([[Name]]);
  expect(it.services.get(cache)).toMatchObject({ status: "ready", reason: undefined });
});

test("a service whose volume is gone is failed, not an empty one that looks well", async () => {
  const { id } = await create(it.services);
  const filters = { label: [`paas.service=${id}`] };
  for (const { Id } of await it.docker.listContainers({ filters }))
    await it.docker.getContainer(Id).remove({ force: true });
  for (const { Name } of (await it.docker.listVolumes({ filters })).Volumes) await it.docker.getVolume(Name).remove();
  await it.services.reconcile(it.signal);
  expect(it.services.get(cache)).toMatchObject({ status: "failed", reason: "its data volume is gone" });
  expect(await left()).toEqual({ containers: 0, volumes: 0, rows: 1 });
});

test("data of another major version of Postgres is left as it is", async () => {
  const service = await create(it.services, "postgres");
  await it.runtime.exec(service, { argv: ["sh", "-c", "echo 16 > /data/cluster/PG_VERSION"], stdin: "" }, it.signal);
  await it.runtime.remove(service, 10_000, it.signal);
  await it.boot().reconcile(it.signal);
  const lines = await it.runtime.tail(service, 20, it.signal);
  expect(lines).toContain("The data was written by PostgreSQL 16 and this is PostgreSQL 17: it is left as it is.");
  expect(it.services.get(db).status).toBe("ready");
  expect(await left()).toMatchObject({ volumes: 1, rows: 1 });
});

test("an object of another service with the same name is never touched", async () => {
  const { id } = await create(it.services);
  const stranger = { id: newId(), name: cache, space: it.services.get(cache).space };
  expect(await it.runtime.inspect(stranger, it.signal)).toBeUndefined();
  await it.runtime.remove(stranger, 0, it.signal);
  await it.runtime.removeVolume(stranger, it.signal);
  expect(await it.docker.listContainers({ filters: { label: [`paas.service=${id}`] } })).toHaveLength(1);
});
