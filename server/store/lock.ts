import { readFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { AppError } from "../core/errors.ts";

/**
 * Takes a home for this process. The lock is the kernel's (an exclusive transaction on a file of its own), so it ends
 * with the process however that ends. @throws AppError DAEMON_RUNNING
 */
export function lockHome(home: string, pidFile: string): Disposable {
  const lock = new Database(path.join(home, "paasd.lock"), { timeout: 0 });
  try {
    lock.pragma("journal_mode = DELETE");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (err) {
    lock.close();
    throw new AppError("DAEMON_RUNNING", { home, pid: readPid(pidFile) ?? "unknown" }, { cause: err });
  }
  return { [Symbol.dispose]: () => lock.close() };
}

/** The process of a pid file, undefined when there is none. */
export function livingPid(pidFile: string): number | undefined {
  const pid = readPid(pidFile);
  return pid !== undefined && isAlive(pid) ? pid : undefined;
}

/** A process that may not be asked is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return !(err instanceof Error && "code" in err && err.code === "ESRCH");
  }
}

/** The number in a pid file, undefined when there is none. */
export function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, "utf8").trim());
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
