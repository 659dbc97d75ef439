import { rm } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../core/errors.ts";
import type { AppId } from "../core/ids.ts";
import { removeExportIgnored } from "./export-ignore.ts";
import type { GitEnvironment } from "./environment.ts";
import type { Repositories } from "./repositories.ts";
import { GitFailed } from "./run-git.ts";
import { checkOutSubmodule, submodulesOf, type Submodule } from "./submodules.ts";
import { gitlinksOf, gitmodulesOf, writeTree, type Tree } from "./tree.ts";

export interface CheckoutRequest {
  readonly appId: AppId;
  readonly commit: string;
  /** Names the object directories, while the push is not accepted yet. */
  readonly objects: GitEnvironment;
  /** An empty folder. */
  readonly dir: string;
  readonly signal: AbortSignal;
}

const checkoutTimeoutMs = 600_000;

/**
 * Writes the files of a commit, with those of its submodules at any depth and without any `.git`.
 * @throws AppError CHECKOUT_FAILED, SUBMODULE_…; the signal's reason
 */
export async function checkOut(repositories: Repositories, request: CheckoutRequest): Promise<void> {
  const { appId, commit, dir, objects } = request;
  const scratch = await repositories.temporaryDir();
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(checkoutTimeoutMs)]);
  try {
    const repo = repositories.pathOf(appId);
    const env = repositories.environment(objects);
    const tree = { repo, commit, env, dir, indexFile: path.join(scratch, "index"), signal };
    await writeFirst(tree);
    await checkOutNested(repositories, tree, undefined, { cache: repositories.modulesOf(appId), scratch });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Writes the files of all submodules below a tree that was written. `parent` is what relative URLs start from. */
export async function checkOutNested(
  repositories: Repositories,
  tree: Tree,
  parent: Submodule | undefined,
  { cache, scratch }: { readonly cache: string; readonly scratch: string },
): Promise<void> {
  const { dir: root, signal } = tree;
  let trees = 0;
  const pending = [...(await nested(tree, parent))];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const place = { cache, root, indexFile: path.join(scratch, `index-${trees++}`), signal };
    pending.push(...(await nested(await checkOutSubmodule(repositories, next, place), next)));
  }
}

async function writeFirst(tree: Tree): Promise<void> {
  try {
    await writeTree(tree);
  } catch (err) {
    if (!(err instanceof GitFailed)) throw err;
    throw new AppError("CHECKOUT_FAILED", { commit: tree.commit.slice(0, 8), cause: err.reason }, { cause: err });
  }
}

async function nested(tree: Tree, parent: Submodule | undefined): Promise<readonly Submodule[]> {
  const links = await gitlinksOf(tree);
  await removeExportIgnored(tree);
  return links.length === 0 ? [] : submodulesOf(links, await gitmodulesOf(tree), parent);
}
