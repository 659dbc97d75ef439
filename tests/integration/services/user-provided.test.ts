import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseServiceName } from "../../../server/core/ids.ts";
import { actor, type Setup, startServices } from "./setup.ts";

const mail = parseServiceName("mail");
const backup = parseServiceName("mail-2");
const credentials = { uri: "smtp://user:hidden-word@mail.example.test:587", from: "shop" };

let it: Setup;

beforeEach(async () => {
  it = await startServices();
});

afterEach(async () => it[Symbol.asyncDispose]());

test("an app that is bound gets the URL and, in VCAP_SERVICES, all credentials", async () => {
  const shop = it.addApp("shop");
  expect(it.services.createUserProvided(actor, mail, credentials)).toMatchObject({
    offering: "user-provided",
    status: "ready",
  });
  await it.services.bind(actor, shop.name, mail, it.out, it.signal);
  expect(it.services.get(mail).bindings).toEqual([{ app: "shop", envName: "MAIL_URL" }]);
  const { env, vcapServices } = it.services.environmentOf(shop.id);
  expect(env).toEqual({ MAIL_URL: credentials.uri });
  expect(vcapServices["user-provided"]?.[0]).toMatchObject({ label: "user-provided", name: "mail", credentials });
  await it.services.unbind(actor, shop.name, mail, it.out, it.signal);
  expect(it.services.environmentOf(shop.id)).toEqual({ env: {}, vcapServices: {} });
  expect(it.redeployed.map(({ description }) => description)).toEqual(["Bind mail", "Unbind mail"]);
});

test("a variable stays with its binding when an earlier one goes", async () => {
  const shop = it.addApp("shop");
  for (const name of [mail, backup]) it.services.createUserProvided(actor, name, credentials);
  for (const name of [mail, backup]) await it.services.bind(actor, shop.name, name, it.out, it.signal);
  await it.services.unbind(actor, shop.name, mail, it.out, it.signal);
  expect(Object.keys(it.services.environmentOf(shop.id).env)).toEqual(["MAIL_2_URL"]);
});

test("an unbind that is refused gives the variable back", async () => {
  const shop = it.addApp("shop");
  it.services.createUserProvided(actor, mail, credentials);
  await it.services.bind(actor, shop.name, mail, it.out, it.signal);
  it.state.refuse = true;
  let during: object = {};
  it.state.duringRedeploy = async () => {
    during = it.services.environmentOf(shop.id).env;
    const deleted = it.services.delete(actor, mail, undefined, it.out, it.signal);
    await expect(deleted).rejects.toMatchObject({ code: "SERVICE_NOT_READY" });
  };
  await expect(it.services.unbind(actor, shop.name, mail, it.out, it.signal)).rejects.toThrow("did not come up");
  expect(during).toEqual({});
  expect(it.services.environmentOf(shop.id).env).toEqual({ MAIL_URL: credentials.uri });
});

test("it holds no data, so deleting needs no confirmation; a wrong one is refused all the same", async () => {
  it.services.createUserProvided(actor, mail, credentials);
  const refused = it.services.delete(actor, mail, "shop", it.out, it.signal);
  await expect(refused).rejects.toMatchObject({ code: "SERVICE_CONFIRM_MISMATCH" });
  await it.services.delete(actor, mail, undefined, it.out, it.signal);
  expect(it.services.list()).toEqual([]);
});

test("credentials are sealed in the state file", async () => {
  const shop = it.addApp("shop");
  it.services.createUserProvided(actor, mail, credentials);
  await it.services.bind(actor, shop.name, mail, it.out, it.signal);
  const files = ["paas.db", "paas.db-wal"].map((name) => readFileSync(path.join(it.dir, name), "latin1")).join("");
  expect(files).toContain("MAIL_URL");
  expect(files).not.toContain("hidden-word");
});

test("what is asked wrongly is answered with what there is", async () => {
  const name = parseServiceName("db");
  const create = (offering: string, plan: string) => it.services.create(actor, offering, plan, name, it.out, it.signal);
  await expect(create("mysql", "small")).rejects.toMatchObject({
    code: "OFFERING_NOT_FOUND",
    hint: "There are: postgres, redis. See their plans with: paas marketplace",
  });
  await expect(create("postgres", "huge")).rejects.toMatchObject({
    code: "PLAN_NOT_FOUND",
    hint: "It has: small, medium, large, xlarge. For example: paas create-service postgres small db",
  });
  expect(() => it.services.get(name)).toThrow('There is no service "db".');
  it.services.createUserProvided(actor, mail, credentials);
  expect(() => it.services.createUserProvided(actor, mail, {})).toThrow(
    'There is already a service "mail" (user-provided).',
  );
  const shop = it.addApp("shop");
  await expect(it.services.bind(actor, shop.name, name, it.out, it.signal)).rejects.toMatchObject({
    code: "SERVICE_NOT_FOUND",
  });
  expect(it.services.marketplace().map((offering) => offering.name)).toEqual(["postgres", "redis"]);
});
