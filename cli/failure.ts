export const exitCode = { ok: 0, failed: 1, usage: 2, notAllowed: 4 } as const;

/** What ends a verb: one line, one line of what to do next, and the exit code. */
export class CliError extends Error {
  readonly hint: string;
  readonly exitCode: number;
  /** The person has read it already, as a line of the work that failed. */
  readonly isTold: boolean;

  constructor(message: string, hint: string, code: number = exitCode.failed, isTold = false) {
    super(message);
    this.name = "CliError";
    this.hint = hint;
    this.exitCode = code;
    this.isTold = isTold;
  }
}

export function usageError(message: string, hint: string): CliError {
  return new CliError(message, hint, exitCode.usage);
}

/** 401 and 403 are "not allowed", anything else "failed". */
export function exitCodeOf(status: number): number {
  return status === 401 || status === 403 ? exitCode.notAllowed : exitCode.failed;
}
