import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import type { PortState } from "./checks.ts";

/** Tries to listen, and finds out who holds the port when that fails. */
export async function portState(address: string, port: number, home: string): Promise<PortState> {
  const code = await tryListen(address, port);
  if (code === undefined) return { kind: "free" };
  if (code === "EACCES") return { kind: "denied" };
  const pid = await holderPid(port);
  if (pid === undefined) return { kind: "held", by: "another program", own: false };
  const [own, name] = await Promise.all([isOfHome(pid, home), readOrEmpty(`/proc/${pid}/comm`)]);
  return { kind: "held", by: `${name.trim()} (process ${pid})`, own };
}

/** The error code, undefined when the port was free. */
function tryListen(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (err: NodeJS.ErrnoException) => resolve(err.code ?? "EUNKNOWN"));
    server.listen(port, address, () => server.close(() => resolve(undefined)));
  });
}

/** The inodes of the sockets that listen on a port, from the text of `/proc/net/tcp` or `tcp6`. */
export function listeningInodes(procNetTcp: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return procNetTcp.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const isListening = fields[3] === "0A" && (fields[1] ?? "").endsWith(suffix);
    return isListening && fields[9] !== undefined ? [fields[9]] : [];
  });
}

async function holderPid(port: number): Promise<number | undefined> {
  const tables = await Promise.all([readOrEmpty("/proc/net/tcp"), readOrEmpty("/proc/net/tcp6")]);
  const wanted = new Set(tables.flatMap((text) => listeningInodes(text, port)).map((inode) => `socket:[${inode}]`));
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) if (await holdsAny(pid, wanted)) return Number(pid);
  return undefined;
}

async function holdsAny(pid: string, wanted: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const names = await orElse([], readdir(folder));
  const targets = await Promise.all(names.map((name) => orElse("", readlink(path.join(folder, name)))));
  return targets.some((target) => wanted.has(target));
}

/** A daemon, its router, or a process that one of them started. */
async function isOfHome(pid: number, home: string): Promise<boolean> {
  const files = await Promise.all(["paasd.pid", "router.pid"].map((name) => readOrEmpty(path.join(home, name))));
  const own = files.map((text) => Number.parseInt(text, 10));
  for (let at = pid; at > 1; at = await parentOf(at)) if (own.includes(at)) return true;
  return false;
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readOrEmpty(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
}

const readOrEmpty = (file: string): Promise<string> => orElse("", readFile(file, "utf8"));

/** A process may end, or belong to somebody else, while one looks at it. */
async function orElse<T>(fallback: T, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch {
    return fallback;
  }
}
