import type { Source } from "../core/types.ts";

interface Sourced {
  readonly source: Source;
  readonly commit: string;
}

/** How a deploy is named to those who wait for it: `push 4f394e9`, `image nginx:1.27`. */
export function titleOf({ source, commit }: Sourced): string {
  return source.kind === "push" ? `push ${commit.slice(0, 8)}` : `${source.kind} ${shownSource(source, commit)}`;
}

/** Of its release: `Deploy 4f394e9`, `Deploy image nginx:1.27`. */
export function descriptionOf({ source, commit }: Sourced): string {
  if (source.kind === "push" || source.kind === "git") return `Deploy ${shownSource(source, commit)}`;
  return `Deploy ${source.kind} ${shownSource(source, commit)}`;
}

function shownSource(source: Source, commit: string): string {
  if (source.kind === "git") return `${commit.slice(0, 8)} of ${source.url}#${source.ref}`;
  if (source.kind === "archive") return source.name;
  return source.kind === "image" ? source.ref : commit.slice(0, 8);
}
