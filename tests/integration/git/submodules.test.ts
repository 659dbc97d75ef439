import { mkdir, readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { Door, type Project } from "./door.ts";

const protocol = ["-c", "protocol.file.allow=always"];

/** A door whose deploy checks out into `out/<n>`. */
async function openWithCheckout() {
  const door = await Door.open();
  let checkouts = 0;
  door.deploys.deployNow = async (push, _out, signal) => {
    if (push.app.name !== "shop") return true;
    const dir = path.join(door.dir, "out", String(++checkouts));
    await mkdir(dir, { recursive: true });
    await push.checkout(dir, signal);
    return true;
  };
  return door;
}

async function addSubmodule(project: Project, source: Project, url: string, at: string): Promise<void> {
  await project.git(...protocol, "submodule", "add", "--quiet", source.dir, at);
  await project.git("config", "-f", ".gitmodules", `submodule.${at}.url`, url);
  await project.commit({}, `add ${at}`);
}

test("submodules are checked out at any depth, from a server that is asked once", async () => {
  await using door = await openWithCheckout();
  const inner = await door.project("inner", { "inner.txt": "inner" });
  await inner.push(door.httpUrl("inner"), "main");
  const lib = await door.project("lib", { "lib.txt": "lib" });
  await addSubmodule(lib, inner, "../inner.git", "deep");
  await lib.push(door.httpUrl("lib"), "main");
  const project = await door.project("shop");
  await addSubmodule(project, lib, door.httpUrl("lib"), "vendor/lib");
  const pushed = await project.push(door.url("shop"), "main");
  expect(pushed).toMatchObject({ code: 0 });
  const out = path.join(door.dir, "out", "1");
  expect(await readFile(path.join(out, "vendor/lib/lib.txt"), "utf8")).toBe("lib");
  expect(await readFile(path.join(out, "vendor/lib/deep/inner.txt"), "utf8")).toBe("inner");
  expect((await readdir(out, { recursive: true })).filter((f) => path.basename(f) === ".git")).toEqual([]);

  door.httpActor = undefined;
  await project.commit({ "more.txt": "more" }, "more");
  expect(await project.push(door.url("shop"), "main")).toMatchObject({ code: 0 });
  expect(await readFile(path.join(door.dir, "out", "2", "vendor/lib/lib.txt"), "utf8")).toBe("lib");
});

test("a submodule that cannot be fetched fails the push and names it, without the secret in its URL", async () => {
  await using door = await openWithCheckout();
  const lib = await door.project("lib", { "lib.txt": "lib" });
  const project = await door.project("shop");
  await addSubmodule(project, lib, door.httpUrl("nowhere").replace("token", "s3cret"), "lib");
  const pushed = await project.push(door.url("shop"), "main");
  expect(pushed.code).toBe(1);
  expect(pushed.stderr).toContain(
    `The submodule at lib could not be fetched from http://127.0.0.1:${door.httpPort}/nowhere.git`,
  );
  expect(pushed.stderr).not.toContain("s3cret");
  expect(await door.ref("shop", "refs/heads/main")).toBeUndefined();
});

test("a submodule whose commit was never pushed fails the push", async () => {
  await using door = await openWithCheckout();
  const lib = await door.project("lib", { "lib.txt": "lib" });
  await lib.push(door.httpUrl("lib"), "main");
  await lib.commit({ "lib.txt": "only here" }, "not pushed");
  const project = await door.project("shop");
  await addSubmodule(project, lib, door.httpUrl("lib"), "lib");
  const pushed = await project.push(door.url("shop"), "main");
  expect(pushed.stderr).toContain("The submodule at lib could not be fetched");
  expect(pushed.code).toBe(1);
});

test("files of the server are not fetched as a submodule", async () => {
  await using door = await openWithCheckout();
  const lib = await door.project("lib", { "lib.txt": "lib" });
  for (const url of [lib.dir, `file://${lib.dir}`, `ext::sh -c "touch ${door.dir}/pwned"`]) {
    const project = await door.project(`shop-${Math.random().toString(36).slice(2)}`);
    await addSubmodule(project, lib, url, "lib");
    const pushed = await project.push(door.url("shop"), "--force", "main");
    expect(pushed.stderr).toContain("has a URL that this server cannot fetch");
    expect(pushed.code).toBe(1);
  }
  expect(await readdir(door.dir)).not.toContain("pwned");
});

test("a repository inside the repository that is no submodule fails the push and says how to mend it", async () => {
  await using door = await openWithCheckout();
  const project = await door.project("shop");
  const stray = await door.project("shop/stray", { "a.txt": "a" });
  expect(stray.dir).toBe(path.join(project.dir, "stray"));
  await project.commit({}, "stray");
  const pushed = await project.push(door.url("shop"), "main");
  expect(pushed.stderr).toContain("git rm --cached stray");
  expect(pushed.code).toBe(1);
});
