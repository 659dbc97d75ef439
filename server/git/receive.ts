import { setTimeout as delay } from "node:timers/promises";
import type { Readable, Writable } from "node:stream";
import { AppError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Actor } from "../core/types.ts";
import { checkOut } from "./checkout.ts";
import { decide, type Decision } from "./decide.ts";
import { configArguments, repositoryConfig, type GitEnvironment } from "./environment.ts";
import { HookConversation, type Arrival } from "./hook-conversation.ts";
import { hookPipes } from "./hook.ts";
import { withKinds } from "./object-kinds.ts";
import type { Pushes, PushTarget } from "./ports.ts";
import type { Repositories } from "./repositories.ts";
import { spawnGit, type GitChild } from "./spawn-git.ts";

export interface ReceiveDeps {
  readonly pushes: Pushes;
  readonly repositories: Repositories;
  readonly log: Log;
}

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

/** How long git may take to write its refs after the verdict, ms. */
const landingMs = 15_000;

/**
 * Takes one push. Git receives the objects and calls the hook; the deploy runs while the hook waits, so that a failed
 * one is a rejected push. Answers git's exit code.
 *
 * When the client goes away the deploy's signal aborts; git is ended once the deploy has settled, so that a deploy that
 * could no longer be stopped still moves its ref.
 */
export async function receivePush(deps: ReceiveDeps, request: ReceiveRequest): Promise<number> {
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
      await answer(deps, request, git, hook, arrival);
      if (request.gone.aborted) await settle(git);
    }
    return await git.ended;
  } finally {
    request.gone.removeEventListener("abort", onGone);
    request.stdin.unpipe(git.stdin);
  }
}

async function startReceivePack(deps: ReceiveDeps, request: ReceiveRequest): Promise<GitChild> {
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

async function answer(
  deps: ReceiveDeps,
  request: ReceiveRequest,
  git: GitChild,
  hook: HookConversation,
  arrival: Arrival,
): Promise<void> {
  const { app, created } = request.target;
  if (created) hook.out.step(`Created app "${app.name}"`);
  try {
    const env = deps.repositories.environment(arrival.objects);
    const refs = await withKinds(deps.repositories.pathOf(app.id), arrival.updates, env);
    const decision = decide(refs, { appName: app.name, deployBranch: app.deployBranch });
    await carryOut(deps, request, git, hook, arrival, decision);
  } catch (err) {
    deps.log.error("push failed", { app: app.name, actor: request.actor.name, err });
    hook.out.problem(err instanceof AppError ? `${err.message}\n${err.hint}` : `The push failed: ${messageOf(err)}`);
    hook.verdict(false);
  }
}

async function carryOut(
  deps: ReceiveDeps,
  request: ReceiveRequest,
  git: GitChild,
  hook: HookConversation,
  arrival: Arrival,
  decision: Decision,
): Promise<void> {
  if (decision.kind === "refuse") {
    for (const problem of decision.problems) hook.out.problem(problem);
    return hook.verdict(false);
  }
  for (const note of decision.notes) hook.out.step(note);
  if (decision.kind === "store") return hook.verdict(true);
  if (!(await deploy(deps, request, git, hook, arrival, decision))) return hook.verdict(false);
  await land(deps, request, git, hook, decision);
}

type Deploy = Extract<Decision, { kind: "deploy" }>;

function deploy(
  deps: ReceiveDeps,
  request: ReceiveRequest,
  git: GitChild,
  hook: HookConversation,
  arrival: Arrival,
  decision: Deploy,
): Promise<boolean> {
  const { actor, target, gone } = request;
  const { branch, commit } = decision;
  const ended = new AbortController();
  void git.ended.then(() => ended.abort(new Error("git ended before the deploy")));
  const push = {
    actor,
    app: target.app,
    branch,
    commit,
    checkout: async (dir: string, signal: AbortSignal) => {
      await refuseStale(deps, request, decision, arrival);
      await checkOut(deps.repositories, { appId: target.app.id, commit, objects: arrival.objects, dir, signal });
    },
  };
  return deps.pushes.deploy(push, hook.out, AbortSignal.any([gone, ended.signal]));
}

/** Another push may have moved the branch while this one waited for its turn: what that brought must not be lost. */
async function refuseStale(
  deps: ReceiveDeps,
  request: ReceiveRequest,
  decision: Deploy,
  arrival: Arrival,
): Promise<void> {
  const { repositories, pushes } = deps;
  const { id, name } = request.target.app;
  const { branch, before, commit } = decision;
  const { deployBranch } = pushes.source(request.actor, name);
  if (deployBranch !== undefined && deployBranch !== branch)
    throw new AppError("DEPLOY_BRANCH_SET", { branch, deployBranch });
  const current = await repositories.branch(id, branch);
  if (current === undefined || current === before) return;
  if (await repositories.contains(id, commit, current, arrival.objects)) return;
  const isForced = before !== undefined && !(await repositories.contains(id, commit, before, arrival.objects));
  if (!isForced) throw new AppError("PUSH_STALE", { branch, commit: current.slice(0, 8) });
}

/**
 * Lets git move the ref of what is deployed now. Git insists on the value from before the push; where an earlier push or
 * a rollback has moved the branch since, it is put back first, so that a deploy that succeeded is not reported as failed.
 */
async function land(
  deps: ReceiveDeps,
  request: ReceiveRequest,
  git: GitChild,
  hook: HookConversation,
  decision: Deploy,
): Promise<void> {
  const { repositories, log } = deps;
  const { app } = request.target;
  const { branch, before, commit } = decision;
  await repositories.exclusively(app.id, async () => {
    if ((await repositories.branch(app.id, branch)) !== before) await repositories.moveBranch(app.id, branch, before);
    await repositories.setHead(app.id, branch);
    hook.verdict(true);
    await Promise.race([git.ended, delay(landingMs, undefined, { ref: false })]);
    if ((await repositories.branch(app.id, branch)) !== commit) {
      log.error("a deployed commit did not become the branch", { app: app.name, branch, commit });
    }
  });
}

async function settle(git: GitChild): Promise<void> {
  await Promise.race([git.ended, delay(landingMs, undefined, { ref: false })]);
  git.kill();
}
