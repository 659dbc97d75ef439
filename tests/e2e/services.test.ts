import { afterAll, beforeAll, expect, test } from "vitest";
import { serverApp } from "../support/apps.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;
beforeAll(async () => {
  paas = await TestPaas.start();
  shop = await paas.app("shop", serverApp("shop"));
  await shop.mustPush();
});
afterAll(() => paas[Symbol.asyncDispose]());

const psql = (sql: string) => shop.mustCli("run", `psql $DATABASE_URL -Atc "${sql}"`);

test("a Postgres is created, bound, used, and keeps its data over a daemon restart", async () => {
  await shop.mustCli("create-service", "postgres", "small", "db");
  await shop.mustCli("bind-service", "shop", "db");
  expect(await shop.body("/env/DATABASE_URL")).toMatch(/^postgres:\/\//);
  expect((await psql("create table t (n int); insert into t values (1); select n from t")).stdout).toContain("1");
  await paas.stop("SIGKILL");
  await paas.boot();
  expect((await psql("select n from t")).stdout.trim()).toBe("1");
});

test("a Redis is bound under its own variable", async () => {
  await shop.mustCli("create-service", "redis", "small", "cache");
  await shop.mustCli("bind-service", "shop", "cache");
  const { stdout } = await shop.mustCli("run", "redis-cli -u $REDIS_URL --no-auth-warning set k v");
  expect(stdout).toContain("OK");
  const vcap = JSON.parse(await shop.body("/env/VCAP_SERVICES")) as Record<string, { instance_name: string }[]>;
  expect(Object.keys(vcap).toSorted((a, b) => a.localeCompare(b))).toEqual(["postgres", "redis"]);
});

test("a user-provided service gives its URL", async () => {
  await shop.mustCli("create-user-provided-service", "mail", "-p", '{"uri":"smtp://mail.example.test"}');
  await shop.mustCli("bind-service", "shop", "mail");
  expect(await shop.body("/env/MAIL_URL")).toBe("smtp://mail.example.test");
});

test("a bound service cannot be deleted, an unbound one only by name", async () => {
  const bound = await shop.cli("delete-service", "db");
  expect(bound.code).toBe(1);
  expect(bound.stderr).toContain("shop");
  await shop.mustCli("unbind-service", "shop", "db");
  expect(await shop.body("/env/DATABASE_URL")).toBe("");
  expect((await shop.cli("delete-service", "db")).code).toBe(1);
  await shop.mustCli("delete-service", "db", "--confirm", "db");
  const services = await paas.json<{ name: string }[]>(["services"]);
  expect(services.map((service) => service.name)).not.toContain("db");
});
