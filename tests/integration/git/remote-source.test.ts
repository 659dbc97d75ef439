import { mkdtemp, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
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
