import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { waitFor } from "../../server/core/time.ts";

/** Child processes of a process. */
export function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

/** Clients' ports of the connections that a process holds, of those that came to these ports of 127.0.0.1. */
export function heldConnections(pid: number, ports: readonly number[]): ReadonlySet<number> {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => inodeOf(`/proc/${pid}/fd/${fd}`)));
  const rows = readFileSync(`/proc/${pid}/net/tcp`, "utf8").split("\n").slice(1);
  const held = new Set<number>();
  for (const row of rows) {
    const [, local = "", remote = "", state, , , , , , inode = ""] = row.trim().split(/\s+/);
    const isOurs = state === "01" && inodes.has(inode) && ports.includes(portOf(local));
    if (isOurs) held.add(portOf(remote));
  }
  return held;
}

/**
 * Kills the worker that holds the most connections, in the middle of its work: it is stopped for a moment first, so that
 * requests wait on it, and connections that nobody has accepted. Answers which it held.
 */
export async function killBusiestWorker(router: number, ports: readonly number[]): Promise<ReadonlySet<number>> {
  const load = (pid: number) => heldConnections(pid, ports).size;
  const [victim = 0] = childrenOf(router).toSorted((a, b) => load(b) - load(a));
  process.kill(victim, "SIGSTOP");
  await waitFor(() => /^State:\s+T/m.test(readFileSync(`/proc/${victim}/status`, "utf8")), {
    every: 5,
    signal: AbortSignal.timeout(5_000),
  });
  const held = heldConnections(victim, ports);
  await delay(300);
  process.kill(victim, "SIGKILL");
  return held;
}

function inodeOf(link: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1] ?? "";
  } catch {
    return "";
  }
}

function portOf(address: string): number {
  return Number.parseInt(address.split(":")[1] ?? "", 16);
}
