import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../../server/core/time.ts";
import type { App } from "../../../server/core/types.ts";
import { quoteIdentifier, quoteLiteral } from "../../../server/services/sql.ts";
import { actor, db, type Setup, startServices } from "./setup.ts";

let it: Setup;
let client: Awaited<ReturnType<Setup["client"]>>;
let shop: App;
let blog: App;

beforeAll(async () => {
  it = await startServices();
  shop = it.addApp("shop");
  blog = it.addApp("blog");
  await it.services.create(actor, "postgres", "small", db, it.out, it.signal);
  client = await it.client();
});

afterAll(async () => it[Symbol.asyncDispose]());

const uriOf = (app: App) => it.services.environmentOf(app.id).env["DATABASE_URL"] ?? "";

test("create makes a ready service and says so", () => {
  expect(it.services.get(db)).toMatchObject({
    name: "db",
    offering: "postgres",
    plan: "small",
    status: "ready",
    bindings: [],
  });
  expect(it.lines.join("\n")).toMatch(/-----> Creating db: postgres 17, small[^]* {7}ready in \d/);
});

test("creating it again as it is changes nothing; as something else is refused", async () => {
  const { id } = it.services.get(db);
  expect((await it.services.create(actor, "postgres", "small", db, it.out, it.signal)).id).toBe(id);
  const other = it.services.create(actor, "redis", "small", db, it.out, it.signal);
  await expect(other).rejects.toMatchObject({ code: "SERVICE_EXISTS" });
});

test("bound apps connect by their URL, share the tables and each other's later ones", async () => {
  await it.services.bind(actor, shop.name, db, it.out, it.signal);
  await it.services.bind(actor, blog.name, db, it.out, it.signal);
  expect(it.redeployed).toEqual([
    { app: "shop", description: "Bind db" },
    { app: "blog", description: "Bind db" },
  ]);
  expect(uriOf(shop)).toMatch(/^postgres:\/\/shop_[a-z0-9]{12}:[\w-]{32}@db\.service\.internal:5432\/db$/);
  expect(uriOf(blog)).not.toBe(uriOf(shop));

  const made = await client.psql(uriOf(shop), "create table orders (n int); insert into orders values (1);");
  expect(made).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const altered = await client.psql(
    uriOf(blog),
    "insert into orders values (2); alter table orders add column note text; create table posts (n int); select sum(n) from orders;",
  );
  expect(altered).toEqual({ exitCode: 0, stdout: "3\n", stderr: "" });
  const dropped = await client.psql(uriOf(shop), "create extension pg_trgm; drop table posts; select current_user;");
  expect(dropped).toEqual({ exitCode: 0, stdout: "paas_owner\n", stderr: "" });
});

test("quoted text reaches the server as it is, through psql", async () => {
  const text = fc.string({ unit: "binary", minLength: 1, maxLength: 15 }).map((raw) => raw.replaceAll("\0", "0"));
  const hostile = fc.stringMatching(/^['"\\;:$ aE\n-]{1,15}$/);
  const samples = fc.sample(fc.oneof(text, hostile), 200);
  const statements = samples.map(
    (value) =>
      `select encode(convert_to(${quoteLiteral(value)}, 'UTF8'), 'hex'), encode(convert_to(attname, 'UTF8'), 'hex')
       from pg_attribute where attrelid = 'pg_temp.sample'::regclass and attnum = 1;`,
  );
  const sql = statements.map((statement, i) => {
    const name = quoteIdentifier(samples[i] ?? "");
    return `create temp table sample (${name} int);\n${statement}\ndrop table sample;`;
  });
  const { stdout, stderr } = await client.psql(uriOf(shop), sql.join("\n"));
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual(
    samples.map((value) => [value, value].map((each) => Buffer.from(each).toString("hex")).join("|")),
  );
});

test("binding what is bound makes no second release", async () => {
  const before = it.redeployed.length;
  const uri = uriOf(shop);
  await it.services.bind(actor, shop.name, db, it.out, it.signal);
  expect(it.redeployed.length).toBe(before);
  expect(uriOf(shop)).toBe(uri);
});

test("the network lets in nobody without a password, nor the superuser, nor an app into another database", async () => {
  const host = "postgres://db.service.internal:5432/db";
  const trusted = await client.run(["psql", host, "-w", "-U", "paas_owner", "-c", "select 1"]);
  expect(trusted.stderr).toContain("no password supplied");
  const superuser = await client.run(["psql", host, "-w", "-U", "postgres", "-c", "select 1"]);
  expect(superuser.stderr).toContain("pg_hba.conf rejects connection");
  const other = await client.psql(uriOf(shop).replace(/db$/, "postgres"), "select 1;");
  expect(other.stderr).toContain('permission denied for database "postgres"');
  const escalated = await client.psql(uriOf(shop), "create role intruder superuser;");
  expect(escalated.stderr).toContain("permission denied");
});

test("data and access outlive a killed server, which the engine starts again", async () => {
  const [container] = await it.docker.listContainers({
    filters: { label: [`paas.service=${it.services.get(db).id}`] },
  });
  // From inside, as a crash would: the engine does not restart what it was told to kill.
  const { Pid } = (await it.docker.getContainer(container?.Id ?? "").inspect()).State;
  process.kill(Pid, "SIGKILL");
  const answered = await waitFor(
    async () => {
      const result = await client.psql(uriOf(shop), "select sum(n) from orders;");
      return result.exitCode === 0 && result;
    },
    { every: 200, signal: it.signal },
  );
  expect(answered.stdout).toBe("3\n");
});

test("delete is refused while apps are bound, and names them and the commands", async () => {
  const refused = it.services.delete(actor, db, "db", it.out, it.signal);
  await expect(refused).rejects.toMatchObject({
    code: "SERVICE_BOUND",
    message: 'Service "db" is bound to blog, shop.',
    hint: expect.stringContaining("paas unbind-service blog db; paas unbind-service shop db"),
  });
});

test("unbind keeps access until the release without it is up, then closes it and ends open sessions", async () => {
  const uri = uriOf(blog);
  const sleeping = client.psql(uri, "select pg_sleep(60);");
  const active = "select count(*) from pg_stat_activity where query like '%pg_sleep(60%' and pid <> pg_backend_pid();";
  await waitFor(async () => (await client.psql(uri, active)).stdout === "1\n", { every: 100, signal: it.signal });
  let during = "";
  it.state.duringRedeploy = async () => {
    during = (await client.psql(uri, "select 'open';")).stdout;
  };
  await it.services.unbind(actor, blog.name, db, it.out, it.signal);
  it.state.duringRedeploy = async () => {};
  expect(during).toBe("open\n");
  expect((await sleeping).stderr).toContain("terminating connection due to administrator command");
  expect((await client.psql(uri, "select 1;")).stderr).toContain("password authentication failed");
  expect(uriOf(blog)).toBe("");
  expect((await client.psql(uriOf(shop), "select sum(n) from orders;")).stdout).toBe("3\n");
});

test("unbinding what is not bound says so", async () => {
  const refused = it.services.unbind(actor, blog.name, db, it.out, it.signal);
  await expect(refused).rejects.toMatchObject({ code: "SERVICE_NOT_BOUND" });
});

test("a bind whose release does not come up is undone; an unbind likewise", async () => {
  it.state.refuse = true;
  let offered = "";
  it.state.duringRedeploy = async () => {
    offered ||= uriOf(blog);
  };
  await expect(it.services.bind(actor, blog.name, db, it.out, it.signal)).rejects.toThrow("did not come up");
  expect(uriOf(blog)).toBe("");
  expect((await client.psql(offered, "select 1;")).stderr).toContain("password authentication failed");

  const uri = uriOf(shop);
  await expect(it.services.unbind(actor, shop.name, db, it.out, it.signal)).rejects.toThrow("did not come up");
  it.state.refuse = false;
  it.state.duringRedeploy = async () => {};
  expect(uriOf(shop)).toBe(uri);
  expect((await client.psql(uri, "select 1;")).stdout).toBe("1\n");
});

test("a table made by a session that gave up the owner's role survives its unbind", async () => {
  await it.services.bind(actor, blog.name, db, it.out, it.signal);
  const made = await client.psql(
    uriOf(blog),
    "create schema own; set role none; create table own.kept as select 5 as n;",
  );
  expect(made.stderr).toBe("");
  await it.services.unbind(actor, blog.name, db, it.out, it.signal);
  expect((await client.psql(uriOf(shop), "select n from own.kept;")).stdout).toBe("5\n");
});

test("a container that was removed by hand is made again with its data", async () => {
  const [container] = await it.docker.listContainers({
    filters: { label: [`paas.service=${it.services.get(db).id}`] },
  });
  await it.docker.getContainer(container?.Id ?? "").remove({ force: true, v: true });
  await it.services.reconcile(it.signal);
  expect((await client.psql(uriOf(shop), "select sum(n) from orders;")).stdout).toBe("3\n");
});

test("an app that is destroyed loses its access", async () => {
  const uri = uriOf(shop);
  await it.services.unbindAll(shop.id, it.signal);
  expect((await client.psql(uri, "select 1;")).stderr).toContain("password authentication failed");
  expect(it.services.get(db).bindings).toEqual([]);
});

test("delete without its name as confirmation changes nothing; with it, container and data are gone", async () => {
  for (const confirm of [undefined, "d", "shop"]) {
    const refused = it.services.delete(actor, db, confirm, it.out, it.signal);
    await expect(refused).rejects.toMatchObject({ code: "SERVICE_CONFIRM_MISMATCH" });
  }
  const { id } = it.services.get(db);
  const filters = { label: [`paas.service=${id}`] };
  expect(it.services.get(db).status).toBe("ready");
  expect((await it.docker.listContainers({ filters })).length).toBe(1);

  await it.services.delete(actor, db, "db", it.out, it.signal);
  expect(() => it.services.get(db)).toThrow('There is no service "db".');
  expect(await it.docker.listContainers({ all: true, filters })).toEqual([]);
  expect((await it.docker.listVolumes({ filters })).Volumes).toEqual([]);
});
