import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import type { BigIntStats, Dirent, Stats } from "node:fs";

/** One path of a source tree; names are bytes, as git allows any. */
export interface SourceEntry {
  /** Relative, `a/b`. */
  readonly path: Buffer;
  readonly kind: "file" | "folder" | "link";
}

const slash = Buffer.from("/");

/**
 * What the given paths (files or folders, with all below) consist of, sorted by name, folders before what is in them,
 * their parents included. What does not exist or is special is left out, `.git` too. Where a parent is a symbolic
 * link only the link is listed: nothing outside the source is ever read.
 */
export async function listSource(dir: string, paths: readonly string[]): Promise<readonly SourceEntry[]> {
  const found = new Map<string, SourceEntry>();
  const add = (entry: SourceEntry): unknown => found.set(entry.path.toString("latin1"), entry);
  for (const path of paths) {
    const entry = await reach(dir, path, add);
    if (entry?.kind === "folder") for await (const below of walk(dir, entry.path)) add(below);
  }
  return [...found.values()].sort((a, b) => Buffer.compare(a.path, b.path));
}

/** Walks down to a path, adding each part; undefined where it ends early. */
async function reach(dir: string, path: string, add: (e: SourceEntry) => unknown): Promise<SourceEntry | undefined> {
  let entry: SourceEntry | undefined = { path: Buffer.alloc(0), kind: "folder" };
  for (const part of path.split("/").filter((p) => p !== "" && p !== ".")) {
    if (part === ".." || part === ".git" || entry?.kind !== "folder") return undefined;
    entry = await entryAt(dir, joined(entry.path, Buffer.from(part)));
    if (entry) add(entry);
  }
  return entry;
}

/** Everything below a folder, folders before what is in them. `skip` says which folders are not entered. */
export async function* walk(
  dir: string,
  folder: Buffer,
  skip: (path: Buffer) => boolean = () => false,
): AsyncGenerator<SourceEntry> {
  const entries = await readdir(absolute(dir, folder), { withFileTypes: true, encoding: "buffer" });
  for (const dirent of entries) {
    const kind = kindOf(dirent);
    if (kind === undefined || dirent.name.equals(dotGit)) continue;
    const path = joined(folder, dirent.name);
    yield { path, kind };
    if (kind === "folder" && !skip(path)) yield* walk(dir, path, skip);
  }
}

/** A digest of names, kinds, executable bits and contents. */
export async function digestOf(dir: string, entries: readonly SourceEntry[]): Promise<string> {
  const hash = createHash("sha256");
  for (const entry of entries) {
    const content = await contentDigest(dir, entry);
    hash.update(`${entry.path.toString("hex")} ${entry.kind} ${content}\n`);
  }
  return hash.digest("hex");
}

async function contentDigest(dir: string, entry: SourceEntry): Promise<string> {
  const path = absolute(dir, entry.path);
  if (entry.kind === "folder") return "";
  if (entry.kind === "link") return (await readlink(path, { encoding: "buffer" })).toString("hex");
  const hash = createHash("sha256");
  const executable = ((await lstat(path)).mode & 0o111) !== 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return `${executable ? "x" : "-"} ${hash.digest("hex")}`;
}

async function entryAt(dir: string, path: Buffer): Promise<SourceEntry | undefined> {
  try {
    const kind = kindOf(await lstat(absolute(dir, path)));
    return kind && { path, kind };
  } catch (err) {
    if (err instanceof Error && "code" in err && (err.code === "ENOENT" || err.code === "ENOTDIR")) return undefined;
    throw err;
  }
}

function kindOf(what: Dirent<Buffer> | Stats | BigIntStats): SourceEntry["kind"] | undefined {
  if (what.isFile()) return "file";
  if (what.isDirectory()) return "folder";
  return what.isSymbolicLink() ? "link" : undefined;
}

const dotGit = Buffer.from(".git");

function joined(folder: Buffer, name: Buffer): Buffer {
  return folder.length === 0 ? name : Buffer.concat([folder, slash, name]);
}

function absolute(dir: string, path: Buffer): Buffer {
  return joined(Buffer.from(dir), path);
}
