import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { App } from "../core/types.ts";
import { createGitHttp, type GitHttp } from "./http.ts";
import { Landings } from "./landings.ts";
import type { Identities, Pushes, Verbs } from "./ports.ts";
import { Repositories } from "./repositories.ts";
import { startSshServer, type SshServer } from "./ssh-server.ts";

export interface GitOptions {
  /** `<home>/repos` */
  readonly reposDir: string;
  /** Git gets of it how to reach the network. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
}

export interface SshDoor {
  readonly pushes: Pushes;
  readonly verbs: Verbs;
  readonly identities: Identities;
  readonly listen: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly hostKeyFile: string;
}

export interface Git {
  /** Makes the deploy branch say what is deployed, if the commit is still there and the app has a deploy branch. */
  setDeployedRef(app: App, commit: string): Promise<void>;
  removeRepo(appId: AppId): Promise<void>;
  /** Removes what a crash left, and repositories of apps that are no more. Before the doors open. */
  sweep(appIds: Iterable<AppId>): Promise<void>;
  /** Packs repositories; for a quiet hour. */
  tidy(appIds: Iterable<AppId>, signal: AbortSignal): Promise<void>;
  http(pushes: Pushes): GitHttp;
  ssh(door: SshDoor): Promise<SshServer>;
}

/** Git's side of the daemon. Starts nothing by itself: `ssh` and `http` open the doors. */
export function createGit({ reposDir, env, log }: GitOptions): Git {
  const repositories = new Repositories({ dir: reposDir, env });
  const landings = new Landings();
  return {
    setDeployedRef: async (app, commit) => {
      if (app.deployBranch === undefined) return;
      const isThere = await repositories.setDeployedRef(app.id, app.deployBranch, commit);
      if (!isThere) log.warn("the deployed commit is not in the repository", { app: app.name, commit });
    },
    removeRepo: (appId) => repositories.removeRepo(appId),
    sweep: (appIds) => repositories.sweep(new Set<string>(appIds)),
    tidy: (appIds, signal) => repositories.tidy(appIds, signal),
    http: (pushes) => createGitHttp({ pushes, repositories, landings, log }),
    ssh: ({ pushes, verbs, identities, ...options }) =>
      startSshServer({ pushes, verbs, identities, repositories, landings, log }, options),
  };
}
