import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { Peer } from "./peers.ts";

export interface Figures {
  readonly rps: number;
  readonly p99Ms: number;
  /** CPU time of the proxy for one request. */
  readonly cpuUs: number;
  readonly errors: number;
}

export interface Load {
  readonly path?: string;
  readonly connections?: number;
  readonly seconds: number;
  readonly closes?: boolean;
  /** A Lua script for wrk. */
  readonly script?: string;
}

/** One round of wrk on the second core against one proxy. */
export async function run(peer: Peer, load: Load): Promise<Figures> {
  const { path = "/", connections = 64, seconds, closes = false, script } = load;
  const args = ["-c", "1", "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency"];
  if (closes) args.push("-H", "Connection: close");
  if (script !== undefined) args.push("-s", script);
  const before = cpuSeconds(peer.pid);
  const { stdout } = await promisify(execFile)("taskset", [...args, `http://127.0.0.1:${peer.port}${path}`]);
  const cpu = cpuSeconds(peer.pid) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  const errors = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const lost = (socketErrors?.slice(1) ?? []).reduce((sum, one) => sum + Number(one), 0);
  const rps = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0);
  return { rps, p99Ms: milliseconds(stdout), cpuUs: (cpu / Math.max(1, requests)) * 1e6, errors: errors + lost };
}

function milliseconds(output: string): number {
  const [, value = "0", unit = "ms"] = /99%\s+([\d.]+)(us|ms|s)/.exec(output) ?? [];
  return Number(value) * (unit === "us" ? 0.001 : unit === "s" ? 1_000 : 1);
}

/** Of a process and its children, all threads. */
function cpuSeconds(pid: number): number {
  return familyOf(pid).reduce((sum, one) => sum + ownCpuSeconds(one), 0);
}

function ownCpuSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => sum + Number(read(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0]) / 1e9, 0);
}

export function rssMb(pid: number): number {
  return familyOf(pid).reduce(
    (sum, one) => sum + Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${one}/status`))?.[1] ?? 0) / 1_024,
    0,
  );
}

function familyOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap(familyOf)];
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
