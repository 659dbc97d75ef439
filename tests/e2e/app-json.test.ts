import { afterAll, beforeAll, expect, test } from "vitest";
import { serverApp, workerLine } from "../support/apps.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let shop: TestApp;

const manifest = (more: object) =>
  JSON.stringify({
    env: { SECRET_KEY: { generator: "secret" }, GREETING: "hi", MAIL_KEY: { description: "of the mail service" } },
    formation: { web: { quantity: 2 }, worker: { quantity: 1 } },
    ...more,
  });

beforeAll(async () => {
  paas = await TestPaas.start();
  shop = await paas.app("shop", {
    ...serverApp("one", `web: python3 server.py\n${workerLine}`),
    "app.json": manifest({}),
    ".env": "MAIL_KEY=abc\nOTHER=1\n",
    ".env.example": "MAIL_KEY=\n",
    ".gitattributes": "internal/ export-ignore\nnotes.txt export-ignore\n",
    "internal/plan.txt": "x",
    "notes.txt": "x",
    ".slugignore": "/docs\n*.psd\n",
    "docs/a.txt": "x",
    "art/big.psd": "x",
  });
});
afterAll(() => paas[Symbol.asyncDispose]());

interface Ps {
  readonly instances: readonly { readonly name: string }[];
}
const names = async () => (await paas.json<Ps>(["ps", "-a", "shop"])).instances.map((i) => i.name);
const config = () => paas.json<Record<string, string>>(["config", "-a", "shop"]);

test("a config var that app.json requires is missing: refused before the build, with what to type", async () => {
  const { code, output } = await shop.push();
  expect(code).toBe(1);
  expect(output).toContain("app.json requires config vars that are not set: MAIL_KEY (of the mail service).");
  expect(output).toContain("paas config:set MAIL_KEY=… -a shop");
  expect(output).not.toContain("app detected");
});

test("the first deploy takes formation and config vars of app.json, and ships no env file", async () => {
  await shop.mustCli("config:set", "MAIL_KEY=key");
  const { output } = await shop.mustPush();
  expect(output).toContain("Setting config vars from app.json: SECRET_KEY (made), GREETING");
  expect(output).toContain("Starting v1: web=2 worker=1");
  expect(output).toContain("Left out: .env. Settings and secrets do not belong into a droplet.");
  expect(output).toContain("paas config:set MAIL_KEY=… OTHER=… -a shop");
  expect(await names()).toEqual(["web.1", "web.2", "worker.1"]);
  expect(await config()).toMatchObject({ GREETING: "hi", SECRET_KEY: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const { stdout } = await shop.mustCli("run", "find . -type f | sort");
  expect(stdout.trim().split("\n")).toEqual([
    "./.env.example",
    "./.gitattributes",
    "./.slugignore",
    "./Procfile",
    "./app.json",
    "./server.py",
  ]);
});

test("ps:scale wins over app.json from then on, and the push says so; the secret is kept", async () => {
  const before = (await config())["SECRET_KEY"];
  const scaled = await shop.mustCli("ps:scale", "web=1");
  expect(scaled.output).toContain("app.json says 2; from now on ps:scale decides for web");
  await shop.commit({ "app.json": manifest({ formation: { web: { quantity: 3 }, worker: { quantity: 0 } } }) }, "more");
  const { output } = await shop.mustPush();
  expect(output).toContain("web stays at 1, as set by ps:scale; app.json says 3");
  expect(output).toContain("app.json: worker=0");
  // What ran before may still be draining.
  await expect.poll(names, { timeout: 60_000, interval: 200 }).toEqual(["web.1"]);
  expect((await config())["SECRET_KEY"]).toBe(before);
});

test("scripts: predeploy makes part of the droplet, postdeploy follows, Heroku's only once", async () => {
  const scripts = {
    postdeploy: "echo first $GREETING",
    dokku: { predeploy: "echo built-$GREETING > made.txt", postdeploy: "echo after $PAAS_RELEASE" },
  };
  await shop.commit({ "app.json": manifest({ scripts }) }, "scripts");
  const first = (await shop.mustPush()).output;
  expect(first).toMatch(/Running the predeploy script: .*\n[^]*Starting v3[^]*first hi[^]*after v3[^]*v3 deployed/);
  expect((await shop.mustCli("run", "cat made.txt; id -u; env | grep -c GREETING")).stdout.trim()).toMatch(
    /^built-hi\s+1000\s+1$/,
  );
  await shop.commit({ "note.txt": "again" }, "again");
  const second = (await shop.mustPush()).output;
  expect(second).not.toContain("first hi");
  expect(second).toContain("after v4");
});

test("a predeploy script that fails ends the deploy; a postdeploy script that fails is told and takes nothing back", async () => {
  await shop.commit({ "app.json": manifest({ scripts: { dokku: { predeploy: "exit 3" } } }) }, "bad");
  const bad = await shop.push();
  expect(bad.code).toBe(1);
  expect(bad.output).toContain("the predeploy script of app.json exited with code 3");
  expect(bad.output).toContain("v4 is still current");
  await shop.commit({ "app.json": manifest({ scripts: { dokku: { postdeploy: "exit 4" } } }) }, "late");
  const late = await shop.mustPush();
  expect(late.output).toContain("The postdeploy script exited with code 4: exit 4");
  expect(late.output).toContain("v5 is deployed and serves; what failed is the postdeploy script.");
  expect(await shop.body()).toBe("one");
});

test("an app.json that cannot be read is refused before the build, with file, line and key", async () => {
  await shop.commit({ "app.json": '{\n  "formation": {"web": {"quantity": "2"}}\n}\n' }, "wrong");
  const { code, output } = await shop.push();
  expect(code).toBe(1);
  expect(output).toContain('app.json line 2, formation.web.quantity: "2" is not a whole number from 0 to 100.');
  expect(output).not.toContain("app detected");
});
