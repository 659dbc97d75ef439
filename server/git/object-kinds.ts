import { text } from "node:stream/consumers";
import type { ObjectKind, PushedRef } from "./decide.ts";
import type { GitEnvironment } from "./environment.ts";
import { spawnGit } from "./spawn-git.ts";
import type { RefUpdate } from "./updates.ts";

/** Looks up what kind of object each new id is. `env` names the object directories. */
export async function withKinds(
  repo: string,
  updates: readonly RefUpdate[],
  env: GitEnvironment,
): Promise<readonly PushedRef[]> {
  const git = spawnGit(["cat-file", "--batch-check=%(objecttype)"], { cwd: repo, env });
  const wanted = updates.filter((u) => u.after !== undefined);
  git.stdin.end(wanted.map((u) => `${u.after}\n`).join(""));
  git.stderr.resume();
  const kinds = (await text(git.stdout)).split("\n");
  const kindOf = new Map(wanted.map((u, i) => [u, toKind(kinds[i])]));
  return updates.map((u) => ({ ...u, kind: kindOf.get(u) }));
}

function toKind(raw: string | undefined): ObjectKind {
  return raw === "commit" || raw === "tag" || raw === "tree" || raw === "blob" ? raw : "missing";
}
