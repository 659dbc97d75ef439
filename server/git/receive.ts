import { setTimeout as delay } from "node:timers/promises";
import type { Readable, Writable } from "node:stream";
import type { Actor } from "../core/types.ts";
import { configArguments, repositoryConfig, type GitEnvironment } from "./environment.ts";
import { HookConversation } from "./hook-conversation.ts";
import { hookPipes } from "./hook.ts";
import type { PushTarget } from "./ports.ts";
import { decidePush, landingMs, type PushDeps } from "./push.ts";
import { spawnGit, type GitChild } from "./spawn-git.ts";

export interface ReceiveRequest {
  readonly actor: Actor;
  readonly target: PushTarget;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** `--stateless-rpc` when it is one request of smart HTTP. */
  readonly options: readonly string[];
  readonly env: GitEnvironment;
  /** Aborts when the client has gone away. */
  readonly gone: AbortSignal;
}

/**
 * Takes one push. Git receives the objects and calls the hook; the deploy runs while the hook waits, so that a failed
 * one is a rejected push. Answers git's exit code.
 *
 * When the client goes away the deploy's signal aborts, unless it was chosen that the deploy goes on; git is ended once the
 * deploy has settled, so that one that went on, or could no longer be stopped, still moves its ref. What git says until
 * then is read and goes nowhere; the deploy's own output is kept with its build.
 */
export async function receivePush(deps: PushDeps, request: ReceiveRequest): Promise<number> {
  const git = await startReceivePack(deps, request);
  let hasArrived = false;
  const onGone = () => {
    if (!hasArrived) git.kill();
  };
  request.gone.addEventListener("abort", onGone, { once: true });
  if (request.gone.aborted) onGone();
  try {
    const hook = new HookConversation(git);
    const arrival = await hook.arrival();
    if (arrival !== undefined && !request.gone.aborted) {
      hasArrived = true;
      await decidePush(deps, { actor: request.actor, target: request.target, git, hook, arrival, gone: request.gone });
      if (request.gone.aborted) await settle(git);
    }
    return await git.ended;
  } finally {
    request.gone.removeEventListener("abort", onGone);
    request.stdin.unpipe(git.stdin);
  }
}

async function startReceivePack(deps: PushDeps, request: ReceiveRequest): Promise<GitChild> {
  const { repositories } = deps;
  const repo = await repositories.ensure(request.target.app.id);
  const config = configArguments([...repositoryConfig, `core.hooksPath=${repositories.hooksDir}`]);
  const args = [...config, "receive-pack", ...request.options, repo];
  const env = repositories.environment(request.env);
  const git = spawnGit(args, { cwd: repo, env, lastPipe: hookPipes.verdict });
  request.stdin.pipe(git.stdin);
  git.stdout.pipe(request.stdout, { end: false });
  git.stderr.pipe(request.stderr, { end: false });
  return git;
}

async function settle(git: GitChild): Promise<void> {
  await Promise.race([git.ended, delay(landingMs, undefined, { ref: false })]);
  git.kill();
}
