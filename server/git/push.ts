import { setTimeout as delay } from "node:timers/promises";
import { AppError, messageOf } from "../core/errors.ts";
import { toAppError } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import type { Actor } from "../core/types.ts";
import { checkOut } from "./checkout.ts";
import { decide, type Decision } from "./decide.ts";
import type { Arrival, HookConversation } from "./hook-conversation.ts";
import type { Landings } from "./landings.ts";
import { withKinds } from "./object-kinds.ts";
import type { Pushes, PushTarget } from "./ports.ts";
import type { Repositories } from "./repositories.ts";
import type { GitChild } from "./spawn-git.ts";

export interface PushDeps {
  readonly pushes: Pushes;
  readonly repositories: Repositories;
  readonly landings: Landings;
  readonly log: Log;
}

/** A push that has arrived and waits in git's hook. */
export interface Push {
  readonly actor: Actor;
  readonly target: PushTarget;
  readonly git: GitChild;
  readonly hook: HookConversation;
  readonly arrival: Arrival;
  /** Aborts when the client has gone away. */
  readonly gone: AbortSignal;
}

type Deploy = Extract<Decision, { kind: "deploy" }>;

/** How long git may take to write its refs after the verdict, ms. */
export const landingMs = 15_000;

/** Decides about a push, deploys it if it is to be, and gives the verdict. */
export async function decidePush(deps: PushDeps, push: Push): Promise<void> {
  const { hook, arrival } = push;
  const { app, created } = push.target;
  if (created) hook.out.step(`Created app "${app.name}"`);
  try {
    const env = deps.repositories.environment(arrival.objects);
    const refs = await withKinds(deps.repositories.pathOf(app.id), arrival.updates, env);
    await carryOut(deps, push, decide(refs, { appName: app.name, deployBranch: app.deployBranch }));
  } catch (err) {
    explain(deps, push, err);
    hook.verdict(false);
  }
}

function explain(deps: PushDeps, push: Push, err: unknown): void {
  const { out } = push.hook;
  const fields = { app: push.target.app.name, actor: push.actor.name };
  const error = toAppError(err, (reference) =>
    deps.log.error("push failed inside", { ...fields, reference, cause: messageOf(err), err }),
  );
  deps.log.info("push refused", { ...fields, code: error.code });
  out.problem(`${error.message}\n${error.hint}`);
}

async function carryOut(deps: PushDeps, push: Push, decision: Decision): Promise<void> {
  const { hook } = push;
  if (decision.kind === "refuse") {
    for (const problem of decision.problems) hook.out.problem(problem);
    return hook.verdict(false);
  }
  for (const note of decision.notes) hook.out.step(note);
  for (const option of push.arrival.options.filter((word) => !choices.some((one) => one === word))) {
    hook.out.step(`Push option "${option}" passed over; there are: ${choices.join(", ")}`);
  }
  if (decision.kind === "store") return hook.verdict(true);
  let end = () => {};
  try {
    const isUp = await deploy(deps, push, decision, async () => {
      const landing = deps.landings.enter(push.target.app.id);
      end = () => landing.end();
      await landing.turn;
    });
    if (isUp) await land(deps, push, decision);
    else hook.verdict(false);
  } finally {
    end();
  }
}

function deploy(deps: PushDeps, push: Push, decision: Deploy, enter: () => Promise<void>): Promise<boolean> {
  const { actor, target, git, arrival, gone, hook } = push;
  const { branch, commit } = decision;
  const onDisconnect = chosen(arrival.options) ?? deps.pushes.onDisconnect(target.app);
  if (onDisconnect === "continue") hook.out.step(`You may leave (Ctrl-C): paas builds -a ${target.app.name}`);
  const ended = new AbortController();
  void git.ended.then(() => ended.abort(new Error("git ended before the deploy")));
  let entered: Promise<void> | undefined;
  const checkout = async (dir: string, signal: AbortSignal) => {
    entered ??= enter();
    await entered;
    await refuseStale(deps, push, decision);
    await checkOut(deps.repositories, { appId: target.app.id, commit, objects: arrival.objects, dir, signal });
  };
  const commitPushed = { actor, app: target.app, branch, commit, checkout };
  const end = onDisconnect === "continue" ? ended.signal : AbortSignal.any([gone, ended.signal]);
  return deps.pushes.deploy(commitPushed, hook.out, end);
}

/** Of one push, by `git push -o continue`; the last one counts. */
const choices = ["cancel", "continue"] as const;

function chosen(options: readonly string[]): (typeof choices)[number] | undefined {
  return options.map((word) => choices.find((one) => one === word)).findLast((one) => one !== undefined);
}

/** Another push may have moved the branch while this one waited for its turn: what that brought must not be lost. */
async function refuseStale(deps: PushDeps, push: Push, decision: Deploy): Promise<void> {
  const { repositories, pushes } = deps;
  const { id, name } = push.target.app;
  const { branch, before, commit } = decision;
  const { deployBranch } = pushes.source(push.actor, name);
  if (deployBranch !== undefined && deployBranch !== branch) {
    throw new AppError("DEPLOY_BRANCH_SET", { branch, deployBranch });
  }
  const current = await repositories.branch(id, branch);
  if (current === undefined || current === before) return;
  const contains = (ancestor: string) => repositories.contains(id, commit, ancestor, push.arrival.objects);
  if (await contains(current)) return;
  const isForced = before !== undefined && !(await contains(before));
  if (!isForced) throw new AppError("PUSH_STALE", { branch, commit: current.slice(0, 8) });
}

/**
 * Lets git move the ref of what is deployed now. Git insists on the value from before the push; where an earlier push or
 * a rollback has moved the branch since, it is put back first, so that a deploy that succeeded is not reported as failed.
 */
async function land(deps: PushDeps, push: Push, decision: Deploy): Promise<void> {
  const { repositories, log } = deps;
  const { app } = push.target;
  const { branch, before, commit } = decision;
  await repositories.exclusively(app.id, async () => {
    if ((await repositories.branch(app.id, branch)) !== before) await repositories.moveBranch(app.id, branch, before);
    await repositories.setHead(app.id, branch);
    push.hook.verdict(true);
    await Promise.race([push.git.ended, delay(landingMs, undefined, { ref: false })]);
    if ((await repositories.branch(app.id, branch)) !== commit) {
      log.error("a deployed commit did not become the branch", { app: app.name, branch, commit });
    }
  });
}
