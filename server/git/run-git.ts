import { GitError, simpleGit } from "simple-git";
import type { GitEnvironment } from "./environment.ts";

export interface GitCall {
  readonly cwd: string;
  readonly env: GitEnvironment;
  readonly config?: readonly string[];
  readonly signal: AbortSignal;
}

/** Runs git to its end and answers what it printed. @throws GitFailed; the signal's reason when that ended it */
export async function runGit(args: readonly string[], call: GitCall): Promise<string> {
  call.signal.throwIfAborted();
  const git = simpleGit({
    baseDir: call.cwd,
    config: [...(call.config ?? [])],
    abort: call.signal,
    errors: (error, { exitCode, stdErr }) => error ?? (exitCode === 0 ? undefined : endedWith(exitCode, stdErr)),
    allowEnvironment: Object.keys(call.env),
    // These guard against values of users as options; here they come from this folder alone.
    unsafe: {
      allowUnsafeAskPass: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeFilter: true,
      allowUnsafeSshCommand: true,
      allowUnsafeTemplateDir: true,
    },
  }).env({ ...call.env });
  try {
    return await git.raw([...args]);
  } catch (err) {
    call.signal.throwIfAborted();
    if (err instanceof GitError) throw new GitFailed(err.message, { cause: err });
    throw err;
  }
}

function endedWith(exitCode: number, stdErr: readonly Buffer[]): Buffer {
  const printed = Buffer.concat(stdErr);
  return printed.length > 0 ? printed : Buffer.from(`git ended with exit code ${exitCode}`);
}

/** Git ended with an error; the message is what it printed. */
export class GitFailed extends Error {
  override readonly name = "GitFailed";

  /** Its last telling line: `fatal: …` without the word. */
  get reason(): string {
    const lines = this.message.split("\n").filter((line) => line.trim() !== "");
    const told = lines.findLast((line) => /^(fatal|error|remote|ERROR):/.test(line)) ?? lines.at(-1) ?? "git failed";
    return told.replace(/^(fatal|error): /, "").trim();
  }
}
