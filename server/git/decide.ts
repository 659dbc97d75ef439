import type { RefUpdate } from "./updates.ts";

export type ObjectKind = "commit" | "tag" | "tree" | "blob" | "missing";

export interface PushedRef extends RefUpdate {
  /** Of the new object; undefined for a delete. */
  readonly kind: ObjectKind | undefined;
}

export type Decision =
  | { readonly kind: "refuse"; readonly problems: readonly string[] }
  | { readonly kind: "store"; readonly notes: readonly string[] }
  | {
      readonly kind: "deploy";
      readonly branch: string;
      readonly commit: string;
      readonly before: string | undefined;
      readonly notes: readonly string[];
    };

export interface Target {
  readonly appName: string;
  readonly deployBranch: string | undefined;
}

/**
 * What becomes of a push. Only the deploy branch deploys; the first push decides which that is. A push that would leave
 * its sender believing that something was deployed is refused as a whole.
 */
export function decide(refs: readonly PushedRef[], target: Target): Decision {
  const pushed = refs.filter((r) => r.after !== undefined && branchOf(r.ref) !== undefined);
  const branch = target.deployBranch ?? adopted(pushed);
  const problems = [...unreadable(refs), ...deleted(refs, target), ...others(pushed, branch, target)];
  if (problems.length > 0) return { kind: "refuse", problems };
  const notes = [...adoption(branch, target), ...refs.flatMap((r) => noteOn(r, branch))];
  const update = pushed.find((r) => branchOf(r.ref) === branch);
  if (branch === undefined || update?.after === undefined) return { kind: "store", notes };
  const notCommit = mistaken(update, branch);
  if (notCommit.length > 0) return { kind: "refuse", problems: notCommit };
  return { kind: "deploy", branch, commit: update.after, before: update.before, notes };
}

/** A word as it is typed in a shell. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9._/@:+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function branchOf(ref: string): string | undefined {
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : undefined;
}

function adopted(pushed: readonly PushedRef[]): string | undefined {
  const names = pushed.map((r) => branchOf(r.ref));
  if (names.length === 1) return names[0];
  return ["main", "master"].find((name) => names.includes(name));
}

function adoption(branch: string | undefined, target: Target): readonly string[] {
  if (branch === undefined || target.deployBranch !== undefined) return [];
  return [`First push: "${branch}" will be the deploy branch`];
}

/** A name that is not UTF-8 could not be shown, typed or stored. */
function unreadable(refs: readonly PushedRef[]): readonly string[] {
  if (!refs.some((r) => r.ref.includes("\u{fffd}"))) return [];
  return ["The name of a branch or tag is not UTF-8. Rename it and push again."];
}

function deleted(refs: readonly PushedRef[], target: Target): readonly string[] {
  const { appName, deployBranch } = target;
  if (!refs.some((r) => r.after === undefined && branchOf(r.ref) === deployBranch)) return [];
  if (deployBranch === undefined) return [];
  return [
    `"${deployBranch}" is the deploy branch and cannot be deleted.`,
    `To remove the app and all it has: paas apps:destroy ${appName} --confirm ${appName}`,
  ];
}

function others(pushed: readonly PushedRef[], branch: string | undefined, target: Target): readonly string[] {
  if (branch === undefined) return pushed.length === 0 ? [] : several(pushed);
  // On the first push of all branches the main one is clear; the others are only said to be stored.
  if (target.deployBranch === undefined) return [];
  return pushed.flatMap((r) => {
    const name = branchOf(r.ref) ?? "";
    if (name === branch) return [];
    return [`Only "${branch}" deploys. To deploy ${name}: git push paas ${quoted(`${name}:${branch}`)}`];
  });
}

function several(pushed: readonly PushedRef[]): readonly string[] {
  const first = branchOf(pushed[0]?.ref ?? "") ?? "";
  return [
    `${pushed.length} branches were pushed and none is "main" or "master", so it is not clear which to deploy.`,
    `Push the one that deploys: git push paas ${quoted(first)}`,
  ];
}

/** Git refuses anything but a commit as a branch, but only after the hook: by then it would be deployed. */
function mistaken(update: PushedRef, branch: string): readonly string[] {
  if (update.kind === "commit") return [];
  const ref = quoted(`TAG^{commit}:refs/heads/${branch}`);
  if (update.kind === "tag") return ["An annotated tag cannot be a branch.", `Push its commit: git push paas ${ref}`];
  return [`What was pushed to "${branch}" is not a commit. Push a branch: git push paas ${quoted(branch)}`];
}

function noteOn(update: PushedRef, branch: string | undefined): readonly string[] {
  const { ref } = update;
  const name = branchOf(ref);
  if (name === branch && name !== undefined) return [];
  const tag = ref.startsWith("refs/tags/") ? ref.slice("refs/tags/".length) : undefined;
  const what = name !== undefined ? `Branch ${name}` : tag !== undefined ? `Tag ${tag}` : `Ref ${ref}`;
  if (update.after === undefined) return [`${what} deleted`];
  if (tag !== undefined) return [`${what} stored; tags do not deploy`];
  return [`${what} stored; ${branch === undefined ? "only branches deploy" : `only "${branch}" deploys`}`];
}
