import { mkdtemp, readdir, readFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { createRemoteSources } from "../../../server/git/remote-source.ts";
import { Repositories } from "../../../server/git/repositories.ts";
import { Door } from "./door.ts";

const signal = AbortSignal.timeout(120_000);

async function open() {
  const door = await Door.open();
  const repositories = new Repositories({ dir: path.join(door.dir, "sources"), env: process.env });
  const lib = await door.project("lib", { "bin/run": "one" });
  const first = await lib.git("rev-parse", "HEAD");
  await lib.git("tag", "-a", "v1", "-m", "one");
  await lib.commit({ "bin/run": "two" }, "two");
  const second = await lib.git("rev-parse", "HEAD");
  await lib.git("push", "--quiet", door.httpUrl("lib"), "main");
  await lib.git("push", "--quiet", door.httpUrl("lib"), "v1");
  return { door, sources: createRemoteSources(repositories), url: door.httpUrl("lib"), first, second };
}

test("a branch, a tag, a commit or nothing names a commit", async () => {
  const { door, sources, url, first, second } = await open();
  await using _door = door;
  expect(await sources.resolve(url, undefined, signal)).toBe(second);
  expect(await sources.resolve(url, "main", signal)).toBe(second);
  expect(await sources.resolve(url, "v1", signal)).toBe(first);
  expect(await sources.resolve(url, first.slice(0, 8), signal)).toBe(first);
  expect(await sources.resolve(url, first, signal)).toBe(first);
  await expect(sources.resolve(url, "v2", signal)).rejects.toMatchObject({ code: "REMOTE_REF_UNKNOWN" });
  await expect(sources.resolve(url, "abcdef012", signal)).rejects.toMatchObject({ code: "REMOTE_REF_UNKNOWN" });
});

test("a commit's files are written without .git, and the server is asked for them once", async () => {
  const { door, sources, url, first } = await open();
  await using _door = door;
  const out = () => mkdtemp(path.join(door.dir, "out-"));
  const dir = await out();
  await sources.write(url, first, dir, signal);
  expect(await readdir(dir)).toEqual(["bin"]);
  expect(await readFile(path.join(dir, "bin/run"), "utf8")).toBe("one");
  door.httpActor = undefined;
  const again = await out();
  await sources.write(url, first, again, signal);
  expect(await readFile(path.join(again, "bin/run"), "utf8")).toBe("one");
});

test("what cannot be fetched is named without the secret in its address", async () => {
  const { door, sources } = await open();
  await using _door = door;
  const url = door.httpUrl("nowhere").replace("token", "s3cret");
  const failure: unknown = await sources.resolve(url, "main", signal).catch((err: unknown) => err);
  expect(failure).toMatchObject({ code: "REMOTE_SOURCE_FAILED" });
  expect(String(failure)).toContain(`http://127.0.0.1:${door.httpPort}/nowhere.git could not be fetched`);
  expect(String(failure)).not.toContain("s3cret");
  await expect(sources.resolve("file:///etc", undefined, signal)).rejects.toMatchObject({
    code: "REMOTE_SOURCE_FAILED",
  });
});

test("git connects to the address that was looked at, whatever the name means, and a submodule's host is looked at too", async () => {
  const { door, first } = await open();
  await using _door = door;
  const asked: string[] = [];
  const addressOf = async (host: string) => {
    asked.push(host);
    if (host !== "127.0.0.1") return "127.0.0.1";
    throw new AppError("SOURCE_HOST_PRIVATE", { host });
  };
  const repositories = new Repositories({ dir: path.join(door.dir, "checked"), env: process.env, addressOf });
  const sources = createRemoteSources(repositories);
  const dir = await mkdtemp(path.join(door.dir, "out-"));
  // A name that nobody knows but who looked at it.
  const named = door.httpUrl("lib").replace("127.0.0.1", "git.invalid");
  await sources.write(named, first, dir, signal);
  expect(await readFile(path.join(dir, "bin/run"), "utf8")).toBe("one");
  await expect(sources.resolve(door.httpUrl("lib"), undefined, signal)).rejects.toMatchObject({
    code: "SOURCE_HOST_PRIVATE",
  });

  const outer = await door.project("outer", {
    ".gitmodules": `[submodule "lib"]\n  path = lib\n  url = ${door.httpUrl("lib")}\n`,
  });
  await outer.git("update-index", "--add", "--cacheinfo", `160000,${first},lib`);
  await outer.git("commit", "--quiet", "-m", "with a submodule");
  await outer.git("push", "--quiet", door.httpUrl("outer"), "main");
  const commit = await outer.git("rev-parse", "HEAD");
  const url = door.httpUrl("outer").replace("127.0.0.1", "git.invalid");
  const into = await mkdtemp(path.join(door.dir, "out-"));
  await expect(sources.write(url, commit, into, signal)).rejects.toMatchObject({ code: "SOURCE_HOST_PRIVATE" });
  expect(asked).toEqual(["git.invalid", "127.0.0.1", "git.invalid", "127.0.0.1"]);
});

test("a server that sends git elsewhere is not followed", async () => {
  const { door } = await open();
  await using _door = door;
  const server = http.createServer((request, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${door.httpPort}${request.url}` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = (server.address() as AddressInfo).port;
  const addressOf = () => Promise.resolve("127.0.0.1");
  const repositories = new Repositories({ dir: path.join(door.dir, "checked"), env: process.env, addressOf });
  const url = door.httpUrl("lib").replace(String(door.httpPort), String(port));
  const refused = createRemoteSources(repositories).resolve(url, "main", signal);
  await expect(refused).rejects.toMatchObject({ code: "REMOTE_SOURCE_FAILED" });
  server.close();
});

test("two builds that want the same at once fetch it one after the other", async () => {
  const { door, sources, url, first } = await open();
  await using _door = door;
  const dirs = await Promise.all([1, 2, 3].map(() => mkdtemp(path.join(door.dir, "out-"))));
  await Promise.all(dirs.map((dir) => sources.write(url, first, dir, signal)));
  for (const dir of dirs) expect(await readFile(path.join(dir, "bin/run"), "utf8")).toBe("one");
});
