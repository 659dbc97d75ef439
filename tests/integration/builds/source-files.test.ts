import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOf, listSource } from "../../../server/builds/source-files.ts";
import { sourceTar } from "../../../server/builds/source-tar.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "paas-source-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function folder(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const root = path.join(dir, name);
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  return root;
}

async function listed(root: string, paths: readonly string[]): Promise<readonly string[]> {
  return (await listSource(root, paths)).map((e) => `${e.kind} ${e.path.toString()}`);
}

test("a folder is listed with all below and its parents, sorted, without `.git`", async () => {
  const root = await folder("a", { "p/q/b": "", "p/q/a": "", "p/other": "", "p/q/.git": "x" });
  expect(await listed(root, ["p/q", "missing", "./p/q/a"])).toEqual([
    "folder p",
    "folder p/q",
    "file p/q/a",
    "file p/q/b",
  ]);
});

test("a path that leaves the source or goes through a link is not followed", async () => {
  const root = await folder("b", { x: "" });
  await symlink("/etc", path.join(root, "etc"));
  expect(await listed(root, ["../a", "etc/passwd", "x/y"])).toEqual(["link etc", "file x"]);
});

test("special files are left out", async () => {
  const root = await folder("c", { x: "" });
  execFileSync("mkfifo", [path.join(root, "pipe")]);
  expect(await listed(root, ["."])).toEqual(["file x"]);
});

test("the digest tells names, contents, executable bits and links apart, not times", async () => {
  const seen = new Set<string>();
  const note = async (root: string) => seen.add(await digestOf(root, await listSource(root, ["."])));
  await note(await folder("d1", { f: "1" }));
  await note(await folder("d2", { f: "1" }));
  expect(seen.size).toBe(1);
  await note(await folder("d3", { f: "2" }));
  await note(await folder("d4", { g: "1" }));
  const executable = await folder("d5", { f: "1" });
  await chmod(path.join(executable, "f"), 0o755);
  await note(executable);
  const link = await folder("d6", {});
  await mkdir(link, { recursive: true });
  await symlink("1", path.join(link, "f"));
  await note(link);
  expect(seen.size).toBe(5);
});

test("a source that cannot be read is an error, not a shorter archive", async () => {
  const tar = sourceTar(path.join(dir, "missing"), new AbortController().signal);
  await expect(tar.toArray()).rejects.toThrow(/tar exited with code 2: .*missing/);
});

test("an archive ends when it is aborted", async () => {
  const root = await folder("big", { f: "x".repeat(20_000_000) });
  const abort = new AbortController();
  const tar = sourceTar(root, abort.signal);
  tar.once("data", () => abort.abort(new Error("cancelled")));
  await expect(tar.toArray()).rejects.toThrow("cancelled");
});
