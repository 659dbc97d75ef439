import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { AppError, isAppError, messageOf } from "../core/errors.ts";
import { checkOutNested } from "./checkout.ts";
import { shownUrl } from "./gitmodules.ts";
import type { Repositories } from "./repositories.ts";
import { GitFailed, runGit } from "./run-git.ts";
import { outwardCall } from "./outward.ts";
import { ensureCommit } from "./submodules.ts";
import { writeTree, type Tree } from "./tree.ts";

/** Other people's git repositories, by URL. What is fetched is kept: a commit is asked for once. */
export interface RemoteSources {
  /**
   * The commit that a branch, a tag or the beginning of a commit's id is now; without one the default branch.
   * @throws AppError REMOTE_REF_UNKNOWN, REMOTE_SOURCE_FAILED
   */
  resolve(url: string, ref: string | undefined, signal: AbortSignal): Promise<string>;
  /**
   * Writes the files of a commit into an empty folder, submodules included, without `.git`.
   * @throws AppError REMOTE_SOURCE_FAILED, SUBMODULE_…
   */
  write(url: string, commit: string, dir: string, signal: AbortSignal): Promise<void>;
}

const resolveTimeoutMs = 60_000;
const fetchTimeoutMs = 300_000;

export function createRemoteSources(repositories: Repositories): RemoteSources {
  return {
    async resolve(url, ref, signal) {
      if (ref !== undefined && /^[0-9a-f]{40}$/.test(ref)) return ref;
      return guarded(url, signal, resolveTimeoutMs, async (deadline) => {
        const advertised = await advertisedCommit(repositories, url, ref, deadline);
        if (advertised !== undefined) return advertised;
        const isShort = ref !== undefined && /^[0-9a-f]{7,39}$/.test(ref);
        const found = isShort ? await fetchedCommit(repositories, url, ref, deadline) : undefined;
        if (found === undefined) throw new AppError("REMOTE_REF_UNKNOWN", { url: shownUrl(url), ref });
        return found;
      });
    },
    write: (url, commit, dir, signal) =>
      guarded(url, signal, fetchTimeoutMs, (deadline) => writeCommit(repositories, url, commit, dir, deadline)),
  };
}

async function advertisedCommit(
  repositories: Repositories,
  url: string,
  ref: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const wanted = ref === undefined ? ["HEAD"] : [`refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`];
  const cwd = await sourcesDir(repositories);
  const call = await outwardCall(repositories, url, { cwd, env: repositories.environment(), signal });
  const listing = await runGit(["ls-remote", "--quiet", "--", url, ...wanted], call);
  const refs = new Map(listing.split("\n").map((line) => [line.split("\t")[1], line.split("\t")[0]] as const));
  // A tag of its own points to an object that is no commit: `^{}` is what that names.
  return wanted.map((name) => refs.get(name)).find((commit) => commit !== undefined);
}

async function fetchedCommit(
  repositories: Repositories,
  url: string,
  ref: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const repo = repositoryOf(repositories, url);
  const env = repositories.environment();
  const refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
  const call = await outwardCall(repositories, url, { cwd: repo, env, signal });
  await repositories.fetching(repo, () => runGit(["fetch", "--quiet", "--", url, ...refs], call));
  try {
    const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`];
    return (await runGit(args, { cwd: repo, env, signal })).trim();
  } catch (err) {
    if (err instanceof GitFailed) return undefined;
    throw err;
  }
}

async function writeCommit(
  repositories: Repositories,
  url: string,
  commit: string,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  const scratch = await repositories.temporaryDir();
  try {
    const repo = repositoryOf(repositories, url);
    const env = repositories.environment();
    const tree: Tree = { repo, commit, env, dir, indexFile: path.join(scratch, "index"), signal };
    await ensureCommit(repositories, tree, url);
    await writeTree(tree);
    const parent = { path: "", url, commit, depth: 0 };
    await checkOutNested(repositories, tree, parent, { cache: repositories.sourcesDir, scratch });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function repositoryOf(repositories: Repositories, url: string): string {
  const name = createHash("sha256").update(url).digest("hex").slice(0, 32);
  return path.join(repositories.sourcesDir, `${name}.git`);
}

async function sourcesDir(repositories: Repositories): Promise<string> {
  await mkdir(repositories.sourcesDir, { recursive: true });
  return repositories.sourcesDir;
}

async function guarded<T>(
  url: string,
  signal: AbortSignal,
  timeoutMs: number,
  work: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await work(AbortSignal.any([signal, timeout]));
  } catch (err) {
    signal.throwIfAborted();
    if (isAppError(err)) throw err;
    const cause = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : causeOf(err);
    throw new AppError("REMOTE_SOURCE_FAILED", { url: shownUrl(url), cause: shownUrl(cause) }, { cause: err });
  }
}

function causeOf(err: unknown): string {
  return (err instanceof GitFailed ? err.reason : messageOf(err)).replace(/[\s.]+$/, "");
}
