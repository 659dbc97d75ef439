/** What a finished command left. */
export interface ExecResult {
  /** 127 when there is no such program, 124 when the deadline ended it. */
  readonly code: number;
  /** Last 64 KB of stdout. */
  readonly stdout: string;
  /** Last 64 KB of stderr. */
  readonly stderr: string;
}

export interface ExecOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** Each piece of stdout and stderr as it comes. */
  readonly onOutput?: (chunk: string) => void;
}

/** Runs a program to its end; a failure is a result, not an exception. */
export type Exec = (argv: readonly string[], options: ExecOptions) => Promise<ExecResult>;
