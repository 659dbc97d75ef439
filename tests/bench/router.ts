import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TableRoute } from "../../server/router/protocol.ts";
import { silentLog } from "../../server/core/log.ts";
import { connectRouter } from "../../server/router/client.ts";
import { median } from "./figures.ts";
import { goProgram, startKamalProxy, startTraefik } from "./router/go-peers.ts";
import { type Figures, type Load, rssMb, run } from "./router/load.ts";
import {
  has,
  makeIdentity,
  manyRoutes,
  type Peer,
  startCaddy,
  startHaproxy,
  startNginx,
  startOrigin,
  startOurs,
} from "./router/peers.ts";

// Ratios of one pinned worker to its peers in the same interleaved round. nginx and the load tool wrk have to be installed;
// HAProxy and Caddy are measured where they are, Traefik and kamal-proxy also where they can be built.

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 7);
const warmUpSeconds = 15;
const idleConnections = 10_000;
/** Long enough that what a connection costs at its beginning says nothing of one that stays. */
const seconds = Number(process.env["BENCH_SECONDS"] ?? 4);

interface Row {
  readonly name: string;
  readonly load: Omit<Load, "seconds">;
  readonly peers: readonly string[];
}

const pick = {
  RPS: (one: Figures) => one.rps,
  "CPU per request": (one: Figures) => one.cpuUs,
  p99: (one: Figures) => one.p99Ms,
} as const;
const idleRow = "memory of an idle connection";
const changeRow = "a change with 10,000 routes";
const names = ["RPS", "CPU per request", "p99"] as const;

function rows(upload: string): readonly Row[] {
  return [
    { name: "600 B, keep-alive", load: {}, peers: ["nginx", "haproxy", "caddy", "traefik", "kamal-proxy"] },
    { name: "600 B, both with a request log", load: {}, peers: ["nginx+log"] },
    { name: "100 KB", load: { path: "/large" }, peers: ["nginx"] },
    { name: "POST 1 MB", load: { path: "/upload", connections: 16, script: upload }, peers: ["nginx"] },
    { name: "new connections", load: { closes: true }, peers: ["nginx"] },
    { name: "HTTPS, keep-alive", load: { kind: "tls" }, peers: ["nginx"] },
    { name: "TLS 1.3, full handshake", load: { kind: "new" }, peers: ["nginx"] },
    { name: "TLS 1.3, resumed", load: { kind: "resumed" }, peers: ["nginx"] },
    { name: "HTTP/2", load: { kind: "h2" }, peers: ["nginx"] },
  ];
}

export async function benchRouter(): Promise<void> {
  for (const program of ["nginx", "wrk", "openssl", "h2load"])
    if (!has(program)) throw new Error(`install ${program} first`);
  const home = await mkdtemp(path.join(tmpdir(), "router-bench-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const upload = path.join(home, "upload.lua");
  await writeFile(upload, 'wrk.method = "POST"\nwrk.body = string.rep("x", 1000000)\n');
  const identity = await makeIdentity(home);
  const origin = stack.use(await startOrigin(path.join(home, "origin")));
  const peers = new Map<string, Peer>();
  const isWanted = (name: string) => name.includes(process.env["BENCH_ROW"] ?? "");
  const wanted = rows(upload).filter((row) => isWanted(row.name));
  // To build one takes minutes.
  const built = (name: Parameters<typeof goProgram>[0]) =>
    wanted.some((row) => row.peers.includes(name)) ? goProgram(name) : undefined;
  const [traefik, kamalProxy] = [await built("traefik"), await built("kamal-proxy")];
  for (const [name, make] of [
    ["ours", () => startOurs(path.join(home, "ours"), origin.port, identity)],
    ["nginx", () => startNginx(path.join(home, "nginx"), origin.port, false, identity)],
    ["nginx+log", () => startNginx(path.join(home, "nginx-log"), origin.port, true, identity)],
    ...(has("haproxy") ? [["haproxy", () => startHaproxy(path.join(home, "haproxy"), origin.port)] as const] : []),
    ...(has("caddy") ? [["caddy", () => startCaddy(path.join(home, "caddy"), origin.port)] as const] : []),
    ...(traefik === undefined
      ? []
      : [["traefik", () => startTraefik(traefik, path.join(home, "traefik"), origin.port)] as const]),
    ...(kamalProxy === undefined
      ? []
      : [["kamal-proxy", () => startKamalProxy(kamalProxy, path.join(home, "kamal"), origin.port)] as const]),
  ] as const) {
    peers.set(name, stack.use(await make()));
  }
  // Request records come here, beside the load.
  pin("1");
  for (const row of wanted) await measure(row, peers);
  pin("0,1");
  if (isWanted(idleRow)) await idle(path.join(home, "idle"), origin);
  if (!isWanted(changeRow)) return;
  for (const workers of [1, 2]) await change(path.join(home, `routes-${workers}`), origin, workers);
}

function pin(cores: string): void {
  execFileSync("taskset", ["-acp", cores, String(process.pid)], { stdio: "ignore" });
}

async function measure(row: Row, peers: ReadonlyMap<string, Peer>): Promise<void> {
  const measured = ["ours", ...row.peers].filter((name) => peers.has(name));
  const results = new Map<string, Figures[]>(measured.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of measured) {
      const peer = peers.get(name);
      if (peer === undefined) continue;
      // The first round warms up: our code has to be compiled.
      const first = name === "ours" ? warmUpSeconds : seconds;
      const figures = await run(peer, { ...row.load, seconds: round === 0 ? first : seconds });
      if (round > 0) results.get(name)?.push(figures);
    }
  }
  const ours = results.get("ours") ?? [];
  for (const name of measured) {
    const theirs = results.get(name) ?? [];
    const errors = theirs.reduce((sum, one) => sum + one.errors, 0);
    const [rps = 0, cpu = 0, p99 = 0] = names.map((what) => median(theirs.map(pick[what])));
    const slowest = Number.isNaN(p99) ? "" : `p99 ${p99.toFixed(1)} ms, `;
    const memory = `${rssMb(peers.get(name)?.pid ?? 0).toFixed(0)} MB`;
    const figures = `${rps.toFixed(0)} RPS, ${cpu.toFixed(1)} µs, ${slowest}${errors} errors, ${memory}`;
    process.stdout.write(`${row.name.padEnd(32)} ${name.padEnd(12)} ${figures}\n`);
    if (name === "ours") continue;
    const shown = names.map(
      (what) => [what, median(ours.map((one, i) => pick[what](one) / pick[what](theirs[i] ?? one)))] as const,
    );
    const text = shown
      .filter(([, value]) => !Number.isNaN(value))
      .map(([what, value]) => `${what} ${value.toFixed(2)}`);
    process.stdout.write(`${"".padEnd(32)} ours / ${name}: ${text.join(", ")} (median of ${theirs.length} rounds)\n`);
  }
}

/** How long until all workers route by a table of ten thousand routes in which one has changed. */
async function change(home: string, origin: Peer, workers: number): Promise<void> {
  await using ours = await startOurs(home, origin.port, undefined, { workers });
  const options = { socket: ours.socket, log: silentLog, onRequests: () => {}, revive: async () => {} };
  await using client = await connectRouter(options);
  const target = { id: "origin", name: "web.1", host: "127.0.0.1", port: origin.port };
  const routes = manyRoutes(10_000, target);
  const times: number[] = [];
  for (let i = 0; i < rounds + 1; i++) {
    const changed = routes.with(-1, { ...routes[0], host: `changed${i}.test` } as TableRoute);
    const began = performance.now();
    await client.apply(changed, AbortSignal.timeout(30_000));
    times.push(performance.now() - began);
  }
  const each = `${median(times.slice(1)).toFixed(0)} ms (${workers} of ${rssMb(ours.pid).toFixed(0)} MB)`;
  process.stdout.write(`${changeRow.padEnd(34)} ${each}\n`);
}

/** What idle connections take. */
async function idle(home: string, origin: Peer): Promise<void> {
  await using ours = await startOurs(home, origin.port);
  // What only the first connections cost.
  for (let i = 0; i < 500; i++) (await asked(ours.port)).destroy();
  const before = rssMb(ours.pid);
  const sockets: Socket[] = [];
  for (let i = 0; i < idleConnections; i++) sockets.push(await asked(ours.port));
  const each = ((rssMb(ours.pid) - before) * 1_024) / sockets.length;
  process.stdout.write(`${idleRow.padEnd(34)} ${each.toFixed(1)} KB\n`);
  for (const socket of sockets) socket.destroy();
}

function asked(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    socket.once("data", () => resolve(socket));
    socket.once("error", reject);
  });
}
