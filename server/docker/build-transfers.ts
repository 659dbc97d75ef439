import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type Docker from "dockerode";
import { extract, pack } from "tar-stream";
import { bounded } from "./bounded.ts";
import { isStatus } from "./client.ts";

const transferMs = 15 * 60_000;

/** Unpacks a tar in a container, started or not. */
export function putTar(docker: Docker, id: string, at: string, tar: Readable, signal: AbortSignal): Promise<void> {
  return bounded("copy files into the build container", transferMs, signal, async (abortSignal) => {
    try {
      await docker.getContainer(id).putArchive(tar, { path: at, abortSignal });
    } finally {
      tar.destroy();
    }
  });
}

/** Copies a path to the same place in another container, making its parents; false when there is none. */
export async function copyBetween(
  docker: Docker,
  at: string,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<boolean> {
  const tar = await archive(docker, at, from, signal);
  if (tar === undefined) return false;
  const parent = path.posix.dirname(at);
  await ensureFolder(docker, parent, to, signal);
  // The engine refuses links that lead out of the folder in which it unpacks, as those of a workspace's members do.
  const [, top = "", ...deeper] = parent.split("/");
  const unpacked = deeper.length === 0 ? tar : below(`${deeper.join("/")}/`, tar);
  await putTar(docker, to, `/${top}`, unpacked, signal);
  return true;
}

/** A tar with all its names in another folder. */
function below(folder: string, tar: Readable): Readable {
  const moved = pack();
  const move = async (): Promise<void> => {
    const entries = extract();
    void pipeline(tar, entries).catch((err: unknown) => entries.destroy(asError(err)));
    for await (const entry of entries) {
      const { header } = entry;
      const linkname = header.type === "link" ? `${folder}${header.linkname}` : header.linkname;
      const sink = moved.entry({ ...header, name: `${folder}${header.name}`, linkname });
      await pipeline(entry, sink);
    }
    moved.finalize();
  };
  void move().catch((err: unknown) => moved.destroy(asError(err)));
  return Readable.from(moved as AsyncIterable<Buffer>, { objectMode: false });
}

function asError(err: unknown): Error {
  return err instanceof Error ? err : new Error(String(err));
}

async function archive(docker: Docker, at: string, id: string, signal: AbortSignal): Promise<Readable | undefined> {
  try {
    const stream = await docker.getContainer(id).getArchive({ path: at, abortSignal: signal });
    return stream as Readable;
  } catch (err) {
    if (isStatus(err, 404)) return undefined;
    throw err;
  }
}

async function ensureFolder(docker: Docker, folder: string, id: string, signal: AbortSignal): Promise<void> {
  const missing: string[] = [];
  for (let at = folder; at !== "/" && !(await hasPath(docker, at, id, signal)); at = path.posix.dirname(at)) {
    missing.unshift(at);
  }
  if (missing.length > 0) await makeFolders(docker, id, missing, "root", signal);
}

export function makeFolders(
  docker: Docker,
  id: string,
  folders: readonly string[],
  owner: "root" | "app",
  signal: AbortSignal,
): Promise<void> {
  return putTar(docker, id, "/", foldersTar(folders, owner), signal);
}

function foldersTar(folders: readonly string[], owner: "root" | "app"): Readable {
  const id = owner === "app" ? 1000 : 0;
  const tar = pack();
  for (const at of folders) tar.entry({ name: at.slice(1), type: "directory", mode: 0o755, uid: id, gid: id });
  tar.finalize();
  // A stream of the library's own kind; the engine's client needs no more of it than what both have.
  return Readable.from(tar as AsyncIterable<Buffer>, { objectMode: false });
}

async function hasPath(docker: Docker, at: string, id: string, signal: AbortSignal): Promise<boolean> {
  const tar = await archive(docker, at, id, signal);
  tar?.destroy();
  return tar !== undefined;
}
