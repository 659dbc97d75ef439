import { readdir, rm } from "node:fs/promises";
import path from "node:path";

/** What is looked at: its path from the folder that is tidied, `a/b`. */
export interface Found {
  readonly path: string;
  readonly name: string;
  readonly isFolder: boolean;
}

/** Never entered: nothing that a person wrote is in there. */
const closed = new Set(["node_modules"]);

/** Removes what `isUnwanted` says, folders with all below; answers the paths. `.git` goes in any case, in silence. */
export async function removeUnwanted(
  dir: string,
  isUnwanted: (found: Found) => boolean | Promise<boolean>,
): Promise<readonly string[]> {
  const removed: string[] = [];
  const pending = [""];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const entries = await readdir(path.join(dir, folder), { withFileTypes: true });
    for (const entry of entries) {
      const found = { path: path.posix.join(folder, entry.name), name: entry.name, isFolder: entry.isDirectory() };
      const isGit = entry.name === ".git";
      const goes = isGit || (await isUnwanted(found));
      if (goes) await rm(path.join(dir, found.path), { recursive: true, force: true });
      if (goes && !isGit) removed.push(found.path);
      if (!goes && found.isFolder && !closed.has(entry.name)) pending.push(found.path);
    }
  }
  return removed.toSorted();
}
