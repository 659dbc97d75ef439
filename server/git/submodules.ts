import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import path from "node:path";
import { AppError, isAppError, messageOf } from "../core/errors.ts";
import { parseGitmodules, shownUrl, submoduleUrl, type Gitlink } from "./gitmodules.ts";
import type { Repositories } from "./repositories.ts";
import { outwardCall } from "./outward.ts";
import { GitFailed, runGit } from "./run-git.ts";
import { hasCommit, writeTree, type Tree } from "./tree.ts";

export interface Submodule {
  /** From the root of the checkout. */
  readonly path: string;
  readonly url: string;
  readonly commit: string;
  /** 1 in the pushed repository. */
  readonly depth: number;
}

const maxDepth = 10;
const fetchTimeoutMs = 300_000;

/** What to fetch for the submodules of one tree. @throws AppError SUBMODULE_UNKNOWN, SUBMODULE_URL, SUBMODULE_TOO_DEEP */
export function submodulesOf(
  links: readonly Gitlink[],
  gitmodules: string,
  parent: Submodule | undefined,
): readonly Submodule[] {
  const entries = new Map(parseGitmodules(gitmodules).map((e) => [path.posix.normalize(e.path), e.url]));
  const depth = (parent?.depth ?? 0) + 1;
  return links.map((link) => {
    const shown = path.posix.join(parent?.path ?? "", link.path);
    const written = entries.get(link.path);
    if (written === undefined) throw new AppError("SUBMODULE_UNKNOWN", { path: shown });
    const url = submoduleUrl(written, parent?.url);
    if (url === undefined) throw new AppError("SUBMODULE_URL", { path: shown, url: shownUrl(written) });
    if (depth > maxDepth) throw new AppError("SUBMODULE_TOO_DEEP", { path: shown, limit: maxDepth });
    return { path: shown, url, commit: link.commit, depth };
  });
}

export interface SubmodulePlace {
  /** Where fetched repositories of the app are kept. */
  readonly cache: string;
  readonly root: string;
  readonly indexFile: string;
  readonly signal: AbortSignal;
}

/** Fetches a submodule's commit, unless an earlier push did, and writes its files. @throws AppError SUBMODULE_FAILED */
export async function checkOutSubmodule(
  repositories: Repositories,
  submodule: Submodule,
  place: SubmodulePlace,
): Promise<Tree> {
  const { url, commit } = submodule;
  const repo = path.join(place.cache, `${createHash("sha256").update(url).digest("hex").slice(0, 32)}.git`);
  const env = repositories.environment();
  const signal = AbortSignal.any([place.signal, AbortSignal.timeout(fetchTimeoutMs)]);
  try {
    const dir = await insideOf(place.root, submodule.path);
    const tree: Tree = { repo, commit, env, dir, indexFile: place.indexFile, signal };
    await ensureCommit(repositories, tree, url);
    await writeTree(tree);
    return tree;
  } catch (err) {
    place.signal.throwIfAborted();
    if (isAppError(err, "SOURCE_HOST_PRIVATE")) throw err;
    const cause = err instanceof GitFailed ? err.reason : messageOf(err);
    const fields = { path: submodule.path, url: shownUrl(url), commit: commit.slice(0, 8), cause: shownUrl(cause) };
    throw new AppError("SUBMODULE_FAILED", fields, { cause: err });
  }
}

/** The submodule's folder, which must not lead out of the checkout by a symbolic link. */
async function insideOf(root: string, relative: string): Promise<string> {
  const dir = path.join(await realpath(root), relative);
  if ((await realpath(dir)) !== dir) throw new Error("its path leads through a symbolic link");
  return dir;
}

/** How servers say that they give no single commit by its id. */
const onlyBranches =
  /unadvertised object|not our ref|dumb http transport|does not support shallow|not support fetching/i;

/** Fetches a commit that the repository does not have. */
export function ensureCommit(repositories: Repositories, tree: Tree, url: string): Promise<void> {
  return repositories.fetching(tree.repo, async () => {
    if (!(await hasCommit(tree))) await fetchCommit(repositories, tree, url);
  });
}

/** By itself where the server gives it so, else with all branches and tags. */
async function fetchCommit(repositories: Repositories, tree: Tree, url: string): Promise<void> {
  const call = await outwardCall(repositories, url, { cwd: tree.repo, env: tree.env, signal: tree.signal });
  const fetch = (...args: readonly string[]) => runGit(["fetch", "--quiet", "--no-tags", ...args], call);
  try {
    await fetch("--depth=1", "--", url, tree.commit);
  } catch (err) {
    if (!(err instanceof GitFailed) || !onlyBranches.test(err.message)) throw err;
    await fetch("--", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*");
    if (!(await hasCommit(tree))) throw new Error(`there is no commit ${tree.commit}`, { cause: err });
  }
}
