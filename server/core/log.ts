/** The operator's log: constant message, fields beside it. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields added to every line. */
  with(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = "debug" | "info" | "warn" | "error";
const order: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** One JSON object a line. An Error among the fields is written as its stack and causes. */
export function createLog(write: (line: string) => void, level: LogLevel = "info", base: LogFields = {}): Log {
  const at =
    (lineLevel: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (order.indexOf(lineLevel) < order.indexOf(level)) return;
      const line = { time: new Date().toISOString(), level: lineLevel, message, ...base, ...fields };
      write(`${JSON.stringify(line, (_key, value: unknown) => (value instanceof Error ? describe(value) : value))}\n`);
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLog(write, level, { ...base, ...fields }),
  };
}

let isStderrWatched = false;

/** Nobody may read it any more, and its disk may be full: what cannot be told is lost, and must not be an error of its own. */
export function writeToStderr(line: string): void {
  if (!isStderrWatched) process.stderr.on("error", () => {});
  isStderrWatched = true;
  process.stderr.write(line);
}

function describe(err: Error): string {
  const own = err.stack ?? err.message;
  return err.cause instanceof Error ? `${own}\ncaused by: ${describe(err.cause)}` : own;
}

export const silentLog: Log = createLog(() => {}, "error");
