import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { median } from "./figures.ts";
import { type Figures, type Load, rssMb, run } from "./router/load.ts";
import { has, type Peer, startCaddy, startHaproxy, startNginx, startOrigin, startOurs } from "./router/peers.ts";

// Ratios of one pinned worker to its peers in the same interleaved round. nginx and the load tool wrk have to be installed;
// HAProxy and Caddy are measured where they are.

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 7);
const warmUpSeconds = 15;
const seconds = Number(process.env["BENCH_SECONDS"] ?? 2);

interface Row {
  readonly name: string;
  readonly load: Omit<Load, "seconds">;
  readonly peers: readonly string[];
  readonly show: (ours: readonly Figures[], theirs: readonly Figures[]) => readonly [string, number][];
}

const ratio = (pick: (one: Figures) => number) => (ours: readonly Figures[], theirs: readonly Figures[]) =>
  median(ours.map((one, i) => pick(one) / pick(theirs[i] ?? one)));
const rpsRatio = ratio((one) => one.rps);
const cpuRatio = ratio((one) => one.cpuUs);
const p99Ratio = ratio((one) => one.p99Ms);

const all: Row["show"] = (ours, theirs) => [
  ["RPS", rpsRatio(ours, theirs)],
  ["CPU per request", cpuRatio(ours, theirs)],
  ["p99", p99Ratio(ours, theirs)],
];

function rows(upload: string): readonly Row[] {
  return [
    { name: "600 B, keep-alive", load: {}, peers: ["nginx", "haproxy", "caddy"], show: all },
    { name: "600 B, both with a request log", load: {}, peers: ["nginx+log"], show: all },
    { name: "100 KB", load: { path: "/large" }, peers: ["nginx"], show: all },
    {
      name: "POST 1 MB",
      load: { path: "/upload", connections: 16, script: upload },
      peers: ["nginx"],
      show: all,
    },
    { name: "new connections", load: { closes: true }, peers: ["nginx"], show: all },
  ];
}

export async function benchRouter(): Promise<void> {
  for (const program of ["nginx", "wrk"]) if (!has(program)) throw new Error(`install ${program} first`);
  const home = await mkdtemp(path.join(tmpdir(), "router-bench-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const upload = path.join(home, "upload.lua");
  await writeFile(upload, 'wrk.method = "POST"\nwrk.body = string.rep("x", 1000000)\n');
  const origin = stack.use(await startOrigin(path.join(home, "origin")));
  const peers = new Map<string, Peer>();
  for (const [name, make] of [
    ["ours", () => startOurs(path.join(home, "ours"), origin.port)],
    ["nginx", () => startNginx(path.join(home, "nginx"), origin.port, false)],
    ["nginx+log", () => startNginx(path.join(home, "nginx-log"), origin.port, true)],
    ...(has("haproxy") ? [["haproxy", () => startHaproxy(path.join(home, "haproxy"), origin.port)] as const] : []),
    ...(has("caddy") ? [["caddy", () => startCaddy(path.join(home, "caddy"), origin.port)] as const] : []),
  ] as const) {
    peers.set(name, stack.use(await make()));
  }
  const only = process.env["BENCH_ROW"] ?? "";
  for (const row of rows(upload)) if (row.name.includes(only)) await measure(row, peers);
  await idle(peers.get("ours"));
}

async function measure(row: Row, peers: ReadonlyMap<string, Peer>): Promise<void> {
  const names = ["ours", ...row.peers].filter((name) => peers.has(name));
  const results = new Map<string, Figures[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const peer = peers.get(name);
      if (peer === undefined) continue;
      // The first round warms up: code has to be compiled.
      const figures = await run(peer, { ...row.load, seconds: round === 0 ? warmUpSeconds : seconds });
      if (round > 0) results.get(name)?.push(figures);
    }
  }
  const ours = results.get("ours") ?? [];
  for (const name of names) {
    const theirs = results.get(name) ?? [];
    const [rps, cpu, p99] = [
      theirs.map((one) => one.rps),
      theirs.map((one) => one.cpuUs),
      theirs.map((one) => one.p99Ms),
    ];
    const errors = theirs.reduce((sum, one) => sum + one.errors, 0);
    const figures = `${median(rps).toFixed(0)} RPS, ${median(cpu).toFixed(1)} µs, p99 ${median(p99).toFixed(1)} ms, ${errors} errors`;
    process.stdout.write(`${row.name.padEnd(32)} ${name.padEnd(10)} ${figures}\n`);
    if (name === "ours") continue;
    const shown = row.show(ours, theirs).map(([what, value]) => `${what} ${value.toFixed(2)}`);
    process.stdout.write(`${"".padEnd(32)} ours / ${name}: ${shown.join(", ")} (median of ${theirs.length} rounds)\n`);
  }
}

/** What a thousand idle connections take. */
async function idle(ours: Peer | undefined): Promise<void> {
  if (ours === undefined) return;
  process.stdout.write(`RSS after all that                ${rssMb(ours.pid).toFixed(0)} MB\n`);
  const before = rssMb(ours.pid);
  const sockets: Socket[] = [];
  for (let i = 0; i < 1_000; i++) sockets.push(await asked(ours.port));
  const each = ((rssMb(ours.pid) - before) * 1_024) / sockets.length;
  process.stdout.write(`memory of an idle connection      ${each.toFixed(1)} KB\n`);
  for (const socket of sockets) socket.destroy();
}

function asked(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    socket.once("data", () => resolve(socket));
    socket.once("error", reject);
  });
}
