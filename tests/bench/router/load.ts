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
  /** Default `wrk`: HTTP/1.1 in the clear. `new` and `resumed` are handshakes of TLS 1.3, one request each. */
  readonly kind?: "wrk" | "tls" | "new" | "resumed" | "h2";
}

const loads: Readonly<Record<NonNullable<Load["kind"]>, (peer: Peer, load: Load) => Promise<Figures>>> = {
  wrk: (peer, load) => runWrk(peer, load, `http://127.0.0.1:${peer.port}`),
  tls: (peer, load) => runWrk(peer, load, `https://127.0.0.1:${peer.tlsPort}`),
  new: runHandshakes,
  resumed: runHandshakes,
  h2: runH2,
};

/** One round of a load tool on the second core against one proxy. */
export function run(peer: Peer, load: Load): Promise<Figures> {
  return loads[load.kind ?? "wrk"](peer, load);
}

async function runWrk(peer: Peer, load: Load, origin: string): Promise<Figures> {
  const { path = "/", connections = 64, seconds, closes = false, script } = load;
  const args = ["-c", "1", "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency"];
  if (closes) args.push("-H", "Connection: close");
  if (script !== undefined) args.push("-s", script);
  const before = cpuSeconds(peer.pid);
  const { stdout } = await promisify(execFile)("taskset", [...args, `${origin}${path}`]);
  const cpu = cpuSeconds(peer.pid) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  const errors = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const lost = (socketErrors?.slice(1) ?? []).reduce((sum, one) => sum + Number(one), 0);
  const rps = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0);
  return { rps, p99Ms: milliseconds(stdout), cpuUs: (cpu / Math.max(1, requests)) * 1e6, errors: errors + lost };
}

/** One connection after the other, each asks once and ends. */
async function runHandshakes(peer: Peer, { kind, seconds }: Load): Promise<Figures> {
  // What s_time puts behind the path ends in a field of no meaning.
  const path = "/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Rest: ";
  const how = ["-connect", `127.0.0.1:${peer.tlsPort}`, "-www", path, "-time", String(seconds), "-tls1_3"];
  const before = cpuSeconds(peer.pid);
  const began = performance.now();
  const args = ["-c", "1", "openssl", "s_time", ...how, kind === "new" ? "-new" : "-reuse"];
  const { stdout } = await promisify(execFile)("taskset", args);
  const cpu = cpuSeconds(peer.pid) - before;
  const [, count = "0", read = "0"] = /(\d+) connections in [\d.]+ real seconds, (\d+) bytes read/.exec(stdout) ?? [];
  const rps = Number(count) / ((performance.now() - began) / 1_000);
  const errors = Number(read) > 600 ? 0 : 1;
  return { rps, p99Ms: Number.NaN, cpuUs: (cpu / Math.max(1, Number(count))) * 1e6, errors };
}

async function runH2(peer: Peer, { seconds }: Load): Promise<Figures> {
  const before = cpuSeconds(peer.pid);
  const args = ["-c", "1", "h2load", "-t1", "-c16", "-m8", `-D${seconds}`, `https://127.0.0.1:${peer.tlsPort}/`];
  const { stdout } = await promisify(execFile)("taskset", args);
  const cpu = cpuSeconds(peer.pid) - before;
  const rps = Number(/([\d.]+) req\/s/.exec(stdout)?.[1] ?? 0);
  const [, done = "0", failed = "0"] = /(\d+) done, \d+ succeeded, (\d+) failed/.exec(stdout) ?? [];
  const others = Number(/(\d+) 3xx/.exec(stdout)?.[1] ?? 0) + Number(/(\d+) 4xx/.exec(stdout)?.[1] ?? 0);
  const errors = Number(failed) + others + Number(/(\d+) 5xx/.exec(stdout)?.[1] ?? 0);
  return { rps, p99Ms: Number.NaN, cpuUs: (cpu / Math.max(1, Number(done))) * 1e6, errors };
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
