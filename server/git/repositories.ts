import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, utimes } from "node:fs/promises";
import path from "node:path";
import type { AppId } from "../core/ids.ts";
import { gitEnvironment, repositoryConfig, type GitEnvironment } from "./environment.ts";
import { installHook } from "./hook.ts";
import { GitFailed, runGit } from "./run-git.ts";
import { Turns } from "./turns.ts";

export interface RepositoriesOptions {
  /** `<home>/repos` */
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  /** The address to fetch from for a host that somebody has named. @throws AppError when it is not to be fetched from */
  readonly addressOf?: (host: string) => Promise<string>;
}

const callTimeoutMs = 60_000;
const housekeepingTimeoutMs = 600_000;

/**
 * The bare repository of each app, `<dir>/<appId>.git`, beside the submodules it has fetched, `<dir>/<appId>.modules`.
 * What is under `.hooks` and `.tmp` is the daemon's own.
 */
export class Repositories {
  readonly #dir: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly addressOf: RepositoriesOptions["addressOf"];
  readonly #turns = new Turns();
  #hook: Promise<void> | undefined;

  constructor(options: RepositoriesOptions) {
    this.#dir = options.dir;
    this.#env = options.env;
    this.addressOf = options.addressOf;
  }

  get hooksDir(): string {
    return path.join(this.#dir, ".hooks");
  }

  pathOf(appId: AppId): string {
    return path.join(this.#dir, `${appId}.git`);
  }

  /** Copies of other people's repositories that builds are made from, shared by all apps. */
  get sourcesDir(): string {
    return path.join(this.#dir, ".sources");
  }

  modulesOf(appId: AppId): string {
    return path.join(this.#dir, `${appId}.modules`);
  }

  environment(more: GitEnvironment = {}): GitEnvironment {
    return gitEnvironment(this.#env, more);
  }

  /** The app's repository, made if need be. */
  async ensure(appId: AppId): Promise<string> {
    const repo = this.pathOf(appId);
    // Once per start: a new version brings its own.
    this.#hook ??= installHook(this.hooksDir);
    await this.#hook;
    if (existsSync(repo)) return repo;
    return this.#turns.run(appId, async () => {
      if (!existsSync(repo)) await this.initialise(repo);
      return repo;
    });
  }

  /** A new bare repository. It appears whole or not at all. */
  async initialise(repo: string): Promise<void> {
    const made = await this.temporaryDir();
    await this.#git(made, ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", "."]);
    await mkdir(path.dirname(repo), { recursive: true });
    await rename(made, repo);
  }

  /** A new empty folder on the same file system; whoever asks removes it, a crash leaves it to `sweep`. */
  async temporaryDir(): Promise<string> {
    const parent = path.join(this.#dir, ".tmp");
    await mkdir(parent, { recursive: true });
    return mkdtemp(path.join(parent, "git-"));
  }

  /** One at a time per repository: whoever fetches into it, which is made if need be and counts as used now. */
  fetching<T>(repo: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(`fetch ${repo}`, async () => {
      if (!existsSync(repo)) await this.initialise(repo);
      const now = new Date();
      await utimes(repo, now, now);
      return await work();
    });
  }

  /** One at a time per app: whoever moves a ref. */
  exclusively<T>(appId: AppId, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(`refs ${appId}`, work);
  }

  /** The commit of a branch. */
  async branch(appId: AppId, branch: string): Promise<string | undefined> {
    const ref = `refs/heads/${branch}`;
    const listing = await this.#git(this.pathOf(appId), ["for-each-ref", "--format=%(objectname) %(refname)", ref]);
    // The pattern matches `main/x` too.
    const line = listing.split("\n").find((l) => l.slice(l.indexOf(" ") + 1) === ref);
    return line?.split(" ")[0];
  }

  /** Whether all of `ancestor` is part of `commit`. False when history that would tell is not here. */
  async contains(appId: AppId, commit: string, ancestor: string, objects: GitEnvironment): Promise<boolean> {
    const args = ["rev-list", "--max-count=1", ancestor, `^${commit}`];
    try {
      return (await this.#git(this.pathOf(appId), args, objects)).trim() === "";
    } catch (err) {
      if (err instanceof GitFailed) return false;
      throw err;
    }
  }

  /** Points a branch elsewhere, or removes it. Only inside `exclusively`. */
  async moveBranch(appId: AppId, branch: string, commit: string | undefined): Promise<void> {
    const ref = `refs/heads/${branch}`;
    const args = commit === undefined ? ["update-ref", "-d", ref] : ["update-ref", ref, commit];
    await this.#git(this.pathOf(appId), args);
  }

  /** A clone checks out what HEAD names. */
  async setHead(appId: AppId, branch: string): Promise<void> {
    await this.#git(this.pathOf(appId), ["symbolic-ref", "HEAD", `refs/heads/${branch}`]);
  }

  /**
   * Makes the branch say what is deployed: after a rollback, and after a crash between a deploy and its ref.
   * Answers false when the commit is not in the repository; nothing is changed then.
   */
  async setDeployedRef(appId: AppId, branch: string, commit: string): Promise<boolean> {
    await this.ensure(appId);
    return this.exclusively(appId, async () => {
      try {
        await this.#git(this.pathOf(appId), ["cat-file", "-e", `${commit}^{commit}`]);
      } catch (err) {
        if (err instanceof GitFailed) return false;
        throw err;
      }
      if ((await this.branch(appId, branch)) !== commit) await this.moveBranch(appId, branch, commit);
      await this.setHead(appId, branch);
      return true;
    });
  }

  async removeRepo(appId: AppId): Promise<void> {
    await this.exclusively(appId, async () => {
      await rm(this.pathOf(appId), { recursive: true, force: true });
      await rm(this.modulesOf(appId), { recursive: true, force: true });
    });
  }

  /** Removes what a crash left behind. Only before pushes are taken: what it removes is in use while one runs. */
  async sweep(appIds: ReadonlySet<string>): Promise<void> {
    await rm(path.join(this.#dir, ".tmp"), { recursive: true, force: true });
    for (const name of await this.#list(this.#dir)) {
      const [id = "", kind] = name.split(".");
      if (id === "" || (kind !== "git" && kind !== "modules")) continue;
      if (!appIds.has(id)) await rm(path.join(this.#dir, name), { recursive: true, force: true });
      else if (kind === "git") await this.#sweepRepository(path.join(this.#dir, name));
    }
  }

  /** Packs what many pushes have strewn, one repository after the other. For a quiet hour. */
  async tidy(appIds: Iterable<AppId>, signal: AbortSignal): Promise<void> {
    for (const appId of appIds) {
      signal.throwIfAborted();
      if (!existsSync(this.pathOf(appId))) continue;
      const call = { cwd: this.pathOf(appId), env: this.environment(), config: ["gc.auto=500", "gc.autoDetach=false"] };
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(housekeepingTimeoutMs)]);
      await runGit(["gc", "--auto", "--quiet"], { ...call, signal: deadline });
    }
  }

  async #sweepRepository(repo: string): Promise<void> {
    const quarantines = (await this.#list(path.join(repo, "objects"))).filter((n) =>
      /^(tmp_objdir-)?incoming-/.test(n),
    );
    for (const name of quarantines) await rm(path.join(repo, "objects", name), { recursive: true, force: true });
    const files = await readdir(path.join(repo, "refs"), { recursive: true });
    const locks = [...files.map((f) => path.join("refs", f)), "HEAD.lock", "packed-refs.lock", "shallow.lock"];
    for (const name of locks.filter((n) => n.endsWith(".lock"))) await rm(path.join(repo, name), { force: true });
  }

  async #list(dir: string): Promise<readonly string[]> {
    return existsSync(dir) ? await readdir(dir) : [];
  }

  async #git(cwd: string, args: readonly string[], more: GitEnvironment = {}): Promise<string> {
    const signal = AbortSignal.timeout(callTimeoutMs);
    return runGit(args, { cwd, env: this.environment(more), config: repositoryConfig, signal });
  }
}
