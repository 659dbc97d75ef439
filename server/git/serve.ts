import type { Readable, Writable } from "node:stream";
import type { App } from "../core/types.ts";
import { configArguments, repositoryConfig, type GitEnvironment } from "./environment.ts";
import type { Repositories } from "./repositories.ts";
import { spawnGit } from "./spawn-git.ts";

export interface ServeRequest {
  readonly app: App;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly options: readonly string[];
  readonly env: GitEnvironment;
  /** Aborts when the client has gone away. */
  readonly gone: AbortSignal;
}

/** A clone or fetch. Answers git's exit code. */
export async function serveFetch(repositories: Repositories, request: ServeRequest): Promise<number> {
  const repo = await repositories.ensure(request.app.id);
  const args = [...configArguments(repositoryConfig), "upload-pack", "--strict", ...request.options, repo];
  const git = spawnGit(args, { cwd: repo, env: repositories.environment(request.env) });
  const onGone = () => git.kill();
  request.gone.addEventListener("abort", onGone, { once: true });
  if (request.gone.aborted) onGone();
  request.stdin.pipe(git.stdin);
  git.stdout.pipe(request.stdout, { end: false });
  git.stderr.pipe(request.stderr, { end: false });
  try {
    return await git.ended;
  } finally {
    request.gone.removeEventListener("abort", onGone);
    request.stdin.unpipe(git.stdin);
  }
}

/** The protocol version that a client asks for, as git wants it. What is not of its form is dropped. */
export function protocolEnvironment(asked: string | undefined): GitEnvironment {
  return asked !== undefined && /^version=\d(:[a-z0-9=:-]+)?$/.test(asked) ? { GIT_PROTOCOL: asked } : {};
}
