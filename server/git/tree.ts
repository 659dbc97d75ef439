import type { GitEnvironment } from "./environment.ts";
import { parseGitlinks, type Gitlink } from "./gitmodules.ts";
import { GitFailed, runGit } from "./run-git.ts";

/** A commit of one repository and the folder its files go to. */
export interface Tree {
  readonly repo: string;
  readonly commit: string;
  readonly env: GitEnvironment;
  readonly dir: string;
  /** For an index that is thrown away. */
  readonly indexFile: string;
  readonly signal: AbortSignal;
}

/** Files as committed: no filter program of this machine runs, a pointer of Git LFS stays a pointer. */
const plainFiles = ["core.bare=false", "filter.lfs.smudge=", "filter.lfs.process=", "filter.lfs.required=false"];

/** Writes the files; a submodule is an empty folder. @throws GitFailed */
export async function writeTree(tree: Tree): Promise<void> {
  await inTree(tree, [`--work-tree=${tree.dir}`, "read-tree", "--reset", "-u", tree.commit]);
}

/** The submodules of a tree that was written. */
export async function gitlinksOf(tree: Tree): Promise<readonly Gitlink[]> {
  return parseGitlinks(await inTree(tree, ["ls-files", "--stage", "-z"]));
}

/** All files of a tree that was written, submodules too. */
export async function listedPaths(tree: Tree): Promise<readonly string[]> {
  return (await inTree(tree, ["ls-files", "-z"])).split("\0").filter((file) => file !== "");
}

/** The `.gitmodules` of the commit as `git config` lists it; empty without one. */
export async function gitmodulesOf(tree: Tree): Promise<string> {
  const blob = `--blob=${tree.commit}:.gitmodules`;
  try {
    return await inTree(tree, ["config", blob, "--null", "--get-regexp", "^submodule\\."]);
  } catch (err) {
    if (err instanceof GitFailed) return "";
    throw err;
  }
}

/** Whether the commit is in the repository. */
export async function hasCommit(tree: Tree): Promise<boolean> {
  try {
    await inTree(tree, ["cat-file", "-e", `${tree.commit}^{commit}`]);
    return true;
  } catch (err) {
    if (err instanceof GitFailed) return false;
    throw err;
  }
}

function inTree(tree: Tree, args: readonly string[]): Promise<string> {
  const env = { ...tree.env, GIT_INDEX_FILE: tree.indexFile };
  const call = { cwd: tree.dir, env, config: plainFiles, signal: tree.signal };
  return runGit([`--git-dir=${tree.repo}`, ...args], call);
}
