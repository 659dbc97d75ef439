import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { Door } from "./door.ts";

test("a push over http deploys, shows what the deploy says and moves the branch", async () => {
  await using door = await Door.open();
  door.deploys.deployNow = async (_push, out) => {
    out.step("Building");
    out.result("v1 deployed");
    return true;
  };
  const project = await door.project("shop");
  const pushed = await project.push(door.httpUrl("shop"), "main");
  expect(pushed.stderr).toMatch(/remote: -----> Building *\nremote: =====> v1 deployed/);
  expect(pushed.code).toBe(0);
  expect(await door.ref("shop", "refs/heads/main")).toBe(await project.git("rev-parse", "HEAD"));
});

test("the push that makes an app says so, and only that one", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  const first = await project.push(door.httpUrl("shop"), "main");
  expect(first.stderr).toContain('-----> Created app "shop"');
  await project.git("commit", "--quiet", "--allow-empty", "-m", "second");
  const second = await project.push(door.httpUrl("shop"), "main");
  expect(second.code).toBe(0);
  expect(second.stderr).not.toContain("Created app");
});

test("what a deploy says over http is shown while it runs", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  const seen = Promise.withResolvers<void>();
  door.deploys.deployNow = async (_push, out) => {
    out.step("Early line");
    await seen.promise;
    return true;
  };
  const child = spawn("git", ["push", door.httpUrl("shop"), "main"], { cwd: project.dir, env: door.env });
  child.stderr.on("data", (chunk: Buffer) => {
    if (chunk.includes("Early line")) seen.resolve();
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code).toBe(0);
});

test("a failed deploy over http is a rejected push", async () => {
  await using door = await Door.open();
  door.deploys.deployNow = async (_push, out) => {
    out.problem("no");
    return false;
  };
  const project = await door.project("shop");
  const pushed = await project.push(door.httpUrl("shop"), "main");
  expect(pushed.stderr).toMatch(/remote: {2}! {5}no/);
  expect(pushed.code).toBe(1);
  expect(await door.ref("shop", "refs/heads/main")).toBeUndefined();
});

test("a large push over http arrives in chunks", async () => {
  await using door = await Door.open();
  const project = await door.project("shop", { "data.bin": randomBytes(3_000_000).toString("base64") });
  expect(await project.push(door.httpUrl("shop"), "main")).toMatchObject({ code: 0 });
});

test("many refs make git compress its request, which is understood", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  for (let i = 0; i < 60; i += 1) await project.git("tag", `v${i}`);
  expect(await project.push(door.httpUrl("shop"), "main", "--tags")).toMatchObject({ code: 0 });
  for (let i = 0; i < 60; i += 1) await project.commit({ "n.txt": String(i) }, `commit ${i}`);
  expect(await project.push(door.httpUrl("shop"), "main")).toMatchObject({ code: 0 });
  const copy = path.join(door.dir, "copy");
  expect(await door.run("git", ["clone", "--quiet", door.httpUrl("shop"), copy])).toMatchObject({ code: 0 });
  expect(await readFile(path.join(copy, "n.txt"), "utf8")).toBe("59");
  await project.commit({ "n.txt": "last" }, "last");
  await project.push(door.httpUrl("shop"), "main");
  expect(await door.run("git", ["-C", copy, "pull", "--quiet"])).toMatchObject({ code: 0 });
  expect(await readFile(path.join(copy, "n.txt"), "utf8")).toBe("last");
});

test("a wrong token does not come in", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  const pushed = await project.push(door.httpUrl("shop").replace("token", "wrong"), "main");
  expect(pushed.stderr).toContain("Authentication failed");
  expect(pushed.code).not.toBe(0);
  expect(door.deploys.apps.size).toBe(0);
});

test("git shows why a repository is not served", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  const unknown = await door.run("git", ["clone", door.httpUrl("nothing"), path.join(door.dir, "copy")]);
  expect(unknown.stderr).toContain('remote: There is no app "nothing".');
  expect((await project.push(door.httpUrl("Bad_Name"), "main")).stderr).toContain("is not a valid app name");
  expect((await project.push(door.httpUrl("secret"), "main")).stderr).toContain("ann may not do this");
});

test.for([
  ["GET", "/shop.git/info/refs", 404],
  ["GET", "/shop.git/info/refs?service=git-nothing", 404],
  ["GET", "/shop.git/git-receive-pack", 404],
  ["POST", "/shop.git/git-receive-pack", 422],
  ["GET", "/shop.git/HEAD", 404],
  ["GET", "/..%2fetc.git/info/refs?service=git-upload-pack", 404],
] as const)("%s %s is answered with %i", async ([method, url, status]) => {
  await using door = await Door.open();
  const headers = { authorization: `Basic ${Buffer.from("ann:token").toString("base64")}` };
  const answer = await fetch(`http://127.0.0.1:${door.httpPort}${url}`, { method, headers });
  expect(answer.status).toBe(status);
});
