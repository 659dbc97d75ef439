import { rm } from "node:fs/promises";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { spawnGit } from "./spawn-git.ts";
import { listedPaths, type Tree } from "./tree.ts";

const attributesFile = /(^|\/)\.gitattributes$/;

/** Removes from a tree that was written what its `.gitattributes` mark `export-ignore`, as `git archive` leaves it out. */
export async function removeExportIgnored(tree: Tree): Promise<void> {
  const files = await listedPaths(tree);
  if (!files.some((file) => attributesFile.test(file))) return;
  for (const marked of await exportIgnored(tree, [...foldersOf(files), ...files])) {
    const at = path.join(tree.dir, marked);
    if (at.startsWith(`${tree.dir}${path.sep}`)) await rm(at, { recursive: true, force: true });
  }
}

/** Folders end with a slash: a pattern may be for folders alone. */
function foldersOf(files: readonly string[]): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const file of files) {
    for (let at = file.indexOf("/"); at !== -1; at = file.indexOf("/", at + 1)) folders.add(file.slice(0, at + 1));
  }
  return folders;
}

async function exportIgnored(tree: Tree, paths: readonly string[]): Promise<readonly string[]> {
  const args = [`--git-dir=${tree.repo}`, "check-attr", "--cached", "-z", "--stdin", "export-ignore"];
  const git = spawnGit(args, { cwd: tree.dir, env: { ...tree.env, GIT_INDEX_FILE: tree.indexFile } });
  git.stdin.end(paths.map((one) => `${one}\0`).join(""));
  git.stderr.resume();
  const fields = (await buffer(git.stdout)).toString("utf8").split("\0");
  return paths.filter((_, at) => fields[at * 3 + 2] === "set");
}
