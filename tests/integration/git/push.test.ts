import { existsSync } from "node:fs";
import { chmod, lstat, mkdir, readdir, readFile, readlink, symlink } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { Door } from "./door.ts";

test("a push deploys, shows what the deploy says and moves the branch", async () => {
  await using door = await Door.open();
  door.deploys.deployNow = async (push, out) => {
    out.step("Building");
    out.raw("npm install\nadded 3 packages\n");
    out.result(`v1 deployed: ${push.branch}`);
    return true;
  };
  const project = await door.project("shop");
  const pushed = await project.push(door.url("shop"), "main");
  expect(pushed.stderr).toMatch(/remote: -----> Created app "shop"/);
  expect(pushed.stderr).toMatch(
    /remote: -----> Building *\nremote: {8}npm install *\nremote: {8}added 3 packages *\nremote: =====> v1 deployed: main/,
  );
  expect(pushed.code).toBe(0);
  expect(await door.ref("shop", "refs/heads/main")).toBe(await project.git("rev-parse", "HEAD"));
  expect(door.deploys.pushed[0]?.commit).toBe(await project.git("rev-parse", "HEAD"));
});

test("a failed deploy is a rejected push that leaves branch and objects as they were", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.push(door.url("shop"), "main");
  const before = await door.ref("shop", "refs/heads/main");
  door.deploys.deployNow = async (_push, out) => {
    out.problem("web.1 exited with code 1");
    return false;
  };
  const second = await project.commit({ "index.html": "two\n" }, "second");
  const pushed = await project.push(door.url("shop"), "main");
  expect(pushed.stderr).toMatch(/remote: {2}! {5}web\.1 exited with code 1/);
  expect(pushed.stderr).toMatch(/\[remote rejected\] main -> main \(pre-receive hook declined\)/);
  expect(pushed.code).toBe(1);
  expect(await door.ref("shop", "refs/heads/main")).toBe(before);
  expect(await door.ref("shop", `${second}^{commit}`)).toBeUndefined();
});

test("a deploy that throws is a rejected push that says why", async () => {
  await using door = await Door.open();
  door.deploys.deployNow = async () => {
    throw new AppError("APP_NOT_DEPLOYED", { name: "shop" });
  };
  const project = await door.project("shop");
  const pushed = await project.push(door.url("shop"), "main");
  expect(pushed.stderr).toContain('App "shop" has no release yet.');
  expect(pushed.code).toBe(1);
});

test("a failure inside tells the pusher a reference that the operator finds in the log", async () => {
  await using door = await Door.open();
  door.deploys.deployNow = async () => {
    throw new Error("secret detail");
  };
  const project = await door.project("shop");
  const pushed = await project.push(door.url("shop"), "main");
  expect(pushed.code).toBe(1);
  expect(pushed.stderr).not.toContain("secret detail");
  const reference = /\(reference ([a-z0-9]+)\)/.exec(pushed.stderr)?.[1] ?? "none";
  expect(door.logged.join("")).toMatch(new RegExp(`secret detail.*${reference}|${reference}.*secret detail`));
});

test("another branch is refused with the command that deploys it", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.push(door.url("shop"), "main");
  await project.git("checkout", "--quiet", "-b", "feature");
  await project.commit({ "a.txt": "a" }, "feature");
  const refused = await project.push(door.url("shop"), "feature");
  expect(refused.stderr).toContain(' !     Only "main" deploys. To deploy feature: git push paas feature:main');
  expect(refused.code).toBe(1);
  expect(door.deploys.pushed).toHaveLength(1);
  const accepted = await project.push(door.url("shop"), "feature:main");
  expect(accepted.code).toBe(0);
  expect(await door.ref("shop", "refs/heads/main")).toBe(await project.git("rev-parse", "feature"));
});

test("tags are stored without a deploy", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.push(door.url("shop"), "main");
  await project.git("tag", "-m", "one", "v1");
  const pushed = await project.push(door.url("shop"), "v1");
  expect(pushed.stderr).toContain("Tag v1 stored; tags do not deploy");
  expect(pushed.code).toBe(0);
  expect(door.deploys.pushed).toHaveLength(1);
  expect(await door.ref("shop", "refs/tags/v1")).toBeDefined();
});

test("the deploy branch cannot be deleted, other refs can", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.git("tag", "v1");
  await project.push(door.url("shop"), "main", "v1");
  const refused = await project.push(door.url("shop"), ":main");
  expect(refused.stderr).toContain("paas apps:destroy shop --confirm shop");
  expect(refused.code).toBe(1);
  expect(await door.ref("shop", "refs/heads/main")).toBeDefined();
  expect((await project.push(door.url("shop"), ":v1")).code).toBe(0);
  expect(await door.ref("shop", "refs/tags/v1")).toBeUndefined();
});

test("a force push deploys", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.commit({ "a.txt": "a" }, "second");
  await project.push(door.url("shop"), "main");
  await project.git("reset", "--quiet", "--hard", "HEAD~1");
  const other = await project.commit({ "b.txt": "b" }, "other");
  expect((await project.push(door.url("shop"), "main")).code).toBe(1);
  expect((await project.push(door.url("shop"), "--force", "main")).code).toBe(0);
  expect(await door.ref("shop", "refs/heads/main")).toBe(other);
});

test("a push of nothing new succeeds without a deploy", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.push(door.url("shop"), "main");
  const again = await project.push(door.url("shop"), "main");
  expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("Everything up-to-date") });
  expect(door.deploys.pushed).toHaveLength(1);
});

test("an annotated tag pushed as the branch is refused before anything is deployed", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.git("tag", "-m", "one", "v1");
  const refused = await project.push(door.url("shop"), "v1:refs/heads/main");
  expect(refused.stderr).toContain("An annotated tag cannot be a branch.");
  expect(refused.code).toBe(1);
  expect(door.deploys.pushed).toHaveLength(0);
  expect((await project.push(door.url("shop"), "v1^{commit}:refs/heads/main")).code).toBe(0);
});

test("a push from a shallow clone deploys", async () => {
  await using door = await Door.open();
  const project = await door.project("origin");
  await project.commit({ "a.txt": "a" }, "second");
  await project.git("clone", "--quiet", "--depth=1", `file://${project.dir}`, path.join(door.dir, "shallow"));
  const args = ["-C", path.join(door.dir, "shallow"), "push", door.url("shop"), "main"];
  expect(await door.run("git", args)).toMatchObject({ code: 0 });
  expect(await door.ref("shop", "refs/heads/main")).toBe(await project.git("rev-parse", "HEAD"));
  await project.commit({ "b.txt": "b" }, "third");
  expect((await project.push(door.url("shop"), "main")).code).toBe(0);
});

test("the checkout has the files as committed, without those marked export-ignore, and no trace of git", async () => {
  await using door = await Door.open();
  const out = path.join(door.dir, "out");
  await mkdir(out);
  door.deploys.deployNow = async (push, _out, signal) => {
    await push.checkout(out, signal);
    return true;
  };
  const project = await door.project("shop", {
    "bin/run": "#!/bin/sh\n",
    "naïve name.txt": "x",
    ".gitattributes": "skip.txt export-ignore\n",
    "skip.txt": "left out",
  });
  await symlink("/etc/passwd", path.join(project.dir, "link"));
  await chmod(path.join(project.dir, "bin/run"), 0o755);
  await project.commit({}, "second");
  expect(await project.push(door.url("shop"), "main")).toMatchObject({ code: 0 });
  expect((await readdir(out)).toSorted()).toEqual([".gitattributes", "bin", "link", "naïve name.txt"]);
  expect(await readlink(path.join(out, "link"))).toBe("/etc/passwd");
  expect((await lstat(path.join(out, "bin/run"))).mode & 0o111).not.toBe(0);
  expect(await readFile(path.join(out, "naïve name.txt"), "utf8")).toBe("x");
  expect(await readdir(path.join(door.dir, "home", "repos", ".tmp"))).toEqual([]);
});

test("a clone gives back what was pushed, on the deploy branch", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  await project.git("branch", "-m", "trunk");
  await project.push(door.url("shop"), "trunk");
  const copy = path.join(door.dir, "copy");
  expect(await door.run("git", ["clone", "--quiet", door.url("shop"), copy])).toMatchObject({ code: 0 });
  expect(await readFile(path.join(copy, "index.html"), "utf8")).toBe("hello\n");
  expect((await door.run("git", ["-C", copy, "branch", "--show-current"])).stdout.trim()).toBe("trunk");
});

test("names that are no app names are refused with a clear line", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  expect((await project.push(door.url("Bad_Name"), "main")).stderr).toContain('"Bad_Name" is not a valid app name.');
  const escape = await project.push(`ssh://paas@127.0.0.1:${door.sshPort}/../../etc`, "main");
  expect(escape.code).not.toBe(0);
  expect(existsSync(door.repo("shop"))).toBe(false);
});

test("a deployed branch can be set from outside, and a removed app leaves no repository", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  const first = await project.git("rev-parse", "HEAD");
  await project.commit({ "a.txt": "a" }, "second");
  await project.push(door.url("shop"), "main");
  const app = door.deploys.source({ kind: "system", name: "test" }, "shop");
  expect(await door.repositories.setDeployedRef(app.id, "main", first)).toBe(true);
  expect(await door.ref("shop", "refs/heads/main")).toBe(first);
  expect(await door.repositories.setDeployedRef(app.id, "main", "f".repeat(40))).toBe(false);
  expect(await door.ref("shop", "refs/heads/main")).toBe(first);
  await door.repositories.sweep(new Set([app.id]));
  expect(existsSync(door.repo("shop"))).toBe(true);
  await door.repositories.removeRepo(app.id);
  expect(existsSync(door.repo("shop"))).toBe(false);
});
