import { readFile, rename, unlink, writeFile } from "node:fs/promises";
import { AppError } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import { waitFor } from "../core/time.ts";

/** One process at a time changes the machine; the others wait. */
export interface HostLock {
  acquire(out: Output, signal: AbortSignal): Promise<AsyncDisposable>;
}

/** Pid and start time (field 22 of `/proc/<pid>/stat`): a pid alone may have been given to another process. */
export interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

export interface LockOptions {
  readonly file: string;
  readonly waitMs: number;
  readonly pollMs: number;
}

/** A lock file made with O_EXCL; one whose process is gone is taken over. */
export function fileLock(options: LockOptions): HostLock {
  return {
    acquire: async (out, signal) => {
      const me = await holderOf(process.pid);
      if (me === undefined) throw new Error("this process is not in /proc");
      if (!(await tryLock(options.file, me))) await waitForLock(options, me, out, signal);
      return { [Symbol.asyncDispose]: () => unlink(options.file) };
    },
  };
}

async function waitForLock(options: LockOptions, me: Holder, out: Output, signal: AbortSignal): Promise<void> {
  const holder = await readHolder(options.file);
  if (holder !== undefined) out.detail(`process ${holder.pid} is already preparing this machine; waiting for it`);
  const deadline = AbortSignal.timeout(options.waitMs);
  try {
    await waitFor(() => tryLock(options.file, me), {
      every: options.pollMs,
      signal: AbortSignal.any([signal, deadline]),
    });
  } catch (err) {
    signal.throwIfAborted();
    if (!deadline.aborted) throw err;
    throw new AppError("HOST_BUSY", { pid: (await readHolder(options.file))?.pid }, { cause: err });
  }
}

async function tryLock(file: string, me: Holder): Promise<boolean> {
  if (await create(file, me)) return true;
  const holder = await readHolder(file);
  if (holder === undefined || (await isAlive(holder))) return false;
  await removeStale(file, holder, me);
  return create(file, me);
}

async function create(file: string, me: Holder): Promise<boolean> {
  try {
    await writeFile(file, `${me.pid} ${me.startedAt}\n`, { flag: "wx", mode: 0o644 });
    return true;
  } catch (err) {
    if (hasCode(err, "EEXIST")) return false;
    throw err;
  }
}

/** Renames before removing: of two that saw the same stale lock only one gets to remove it, and never a newer one. */
async function removeStale(file: string, stale: Holder, me: Holder): Promise<void> {
  const aside = `${file}.${me.pid}`;
  try {
    await rename(file, aside);
  } catch (err) {
    if (hasCode(err, "ENOENT")) return;
    throw err;
  }
  const moved = await readHolder(aside);
  if (moved?.pid === stale.pid && moved.startedAt === stale.startedAt) await unlink(aside);
  else await rename(aside, file);
}

/** Undefined while its maker has not written it yet, or when it is gone. */
async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const [pid, startedAt] = (await readFile(file, "utf8")).trim().split(" ");
    return pid !== undefined && startedAt !== undefined ? { pid: Number(pid), startedAt } : undefined;
  } catch (err) {
    if (hasCode(err, "ENOENT")) return undefined;
    throw err;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  return (await holderOf(holder.pid))?.startedAt === holder.startedAt;
}

async function holderOf(pid: number): Promise<Holder | undefined> {
  try {
    return { pid, startedAt: startTime(await readFile(`/proc/${pid}/stat`, "utf8")) };
  } catch (err) {
    if (hasCode(err, "ENOENT", "ESRCH")) return undefined;
    throw err;
  }
}

/** Field 22 of a stat line. The command's name, in parentheses, may itself hold spaces and parentheses. */
export function startTime(stat: string): string {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[19] ?? "";
}

function hasCode(err: unknown, ...codes: string[]): boolean {
  return err instanceof Error && "code" in err && typeof err.code === "string" && codes.includes(err.code);
}
