import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pathsOf } from "../../../server/config/config.ts";
import { waitFor } from "../../../server/core/time.ts";
import { openConnection } from "../../../server/router/connection.ts";
import { nodeFlags, nodeMemory } from "../../../server/router/process.ts";
import type { TableRoute, Target } from "../../../server/router/protocol.ts";

/** A proxy under test, pinned to the first core. */
export interface Peer extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** HTTP/1.1 and HTTP/2 over TLS 1.2 and 1.3, for those that are measured with it. */
  readonly tlsPort?: number;
  readonly pid: number;
  readonly home: string;
}

/** Our router; this process takes its request records. */
export interface OurPeer extends Peer {
  readonly socket: string;
}

/** A self-signed certificate for all. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** @param home a folder that is there */
export async function makeIdentity(home: string): Promise<Identity> {
  const certificate = path.join(home, "certificate.pem");
  const key = path.join(home, "key.pem");
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  await promisify(execFile)("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate]);
  return { certificate, key };
}

// Otherwise its workers may not read what root has made here.
const user = process.getuid?.() === 0 ? "user root;" : "";
const routerMain = fileURLToPath(new URL("../../../server/router/main.ts", import.meta.url));

export function has(program: string): boolean {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

export function environment(home: string): NodeJS.ProcessEnv {
  const own = { HOME: home, XDG_DATA_HOME: home, NODE_COMPILE_CACHE: path.join(home, "compile-cache") };
  return { PATH: process.env["PATH"] ?? "", ...nodeMemory, ...own };
}

export async function start(
  name: string,
  home: string,
  port: number,
  cores: string,
  argv: string[],
  env = environment(home),
): Promise<Peer> {
  const child = spawn("taskset", ["-c", cores, ...argv], { stdio: ["ignore", "ignore", "pipe"], env });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output = `${output}${chunk.toString()}`.slice(-2_000)));
  const isUp = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
  await waitFor(isUp, { every: 50, signal: AbortSignal.timeout(20_000) }).catch((cause: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`${name} does not listen: ${output}`, { cause });
  });
  return { name, home, port, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) };
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), 3_000).unref();
  });
}

/** Answers 600 bytes at `/`, 100 KB at `/large`, and takes any body; on the second core, as the load. */
export async function startOrigin(home: string): Promise<Peer> {
  await mkdir(home, { recursive: true });
  const port = await freePort();
  await writeFile(path.join(home, "large"), Buffer.alloc(100_000, 120));
  const config = `worker_processes 1; daemon off; pid ${home}/pid; error_log stderr crit; ${user}
events { worker_connections 8192; }
http { access_log off; client_body_temp_path ${home}/body; client_max_body_size 0; keepalive_requests 100000000;
  client_body_buffer_size 2m;
  server { listen 127.0.0.1:${port} backlog=4096; root ${home};
    location = / { return 200 "${"x".repeat(600)}"; }
    location = /large { }
    location = /upload { return 200 "ok"; } } }`;
  await writeFile(path.join(home, "nginx.conf"), config);
  return start("origin", home, port, "1", ["nginx", "-e", "stderr", "-c", path.join(home, "nginx.conf")]);
}

export async function startNginx(
  home: string,
  origin: number,
  isLogging: boolean,
  { certificate, key }: Identity,
): Promise<Peer> {
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const tlsPort = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (one) => `${one}_temp_path ${home}/${one};`,
  );
  const config = `worker_processes 1; daemon off; pid ${home}/pid; error_log stderr crit; ${user}
events { worker_connections 16384; }
http { access_log ${isLogging ? `${home}/access.log` : "off"}; ${temporary.join(" ")} client_max_body_size 0;
  keepalive_requests 100000000;
  upstream origin { server 127.0.0.1:${origin}; keepalive 128; keepalive_requests 100000000; }
  ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:10m;
  server { listen 127.0.0.1:${port} backlog=4096; listen 127.0.0.1:${tlsPort} ssl http2 backlog=4096;
    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id; } } }`;
  await writeFile(path.join(home, "nginx.conf"), config);
  const argv = ["nginx", "-e", "stderr", "-c", path.join(home, "nginx.conf")];
  return { ...(await start(isLogging ? "nginx+log" : "nginx", home, port, "0", argv)), tlsPort };
}

export async function startHaproxy(home: string, origin: number): Promise<Peer> {
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const config = `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
  http-reuse always
frontend f
  bind 127.0.0.1:${port} backlog 4096
  default_backend b
backend b
  http-request set-header X-Request-Id %[uuid]
  server s 127.0.0.1:${origin}
`;
  await writeFile(path.join(home, "haproxy.cfg"), config);
  return start("haproxy", home, port, "0", ["haproxy", "-db", "-f", path.join(home, "haproxy.cfg")]);
}

export async function startCaddy(home: string, origin: number): Promise<Peer> {
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const config = `{\n admin off\n auto_https off\n}\nhttp://:${port} {\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:${origin}\n}\n`;
  await writeFile(path.join(home, "Caddyfile"), config);
  const argv = ["caddy", "run", "--adapter", "caddyfile", "--config", path.join(home, "Caddyfile")];
  return start("caddy", home, port, "0", argv);
}

/** Our router as the daemon starts it, with time limits, counters and the request log, which somebody takes. */
export async function startOurs(
  home: string,
  origin: number,
  identity?: Identity,
  { routes = 1, workers = 1 }: { readonly routes?: number; readonly workers?: number } = {},
): Promise<OurPeer> {
  const folder = path.join(home, "router");
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const target = { id: "origin", name: "web.1", host: "127.0.0.1", port: origin };
  const table = { version: 1, routes: manyRoutes(routes, target) };
  await writeFile(path.join(folder, "table.json"), JSON.stringify(table));
  const args = [`--home=${home}`, "--listen=127.0.0.1", `--http-port=${port}`, `--workers=${workers}`];
  const tlsPort = await freePort();
  if (identity !== undefined) {
    const chain = await readFile(identity.certificate, "utf8");
    const served = { names: ["127.0.0.1"], chain, key: await readFile(identity.key, "utf8") };
    const encryption = { certificates: [served], fallback: served, challenges: [] };
    await writeFile(path.join(folder, "tls.json"), JSON.stringify(encryption));
    args.push(`--https-port=${tlsPort}`);
  }
  const argv = [...nodeFlags, routerMain];
  // As the daemon does: the router then has no need to load what strips types.
  await promisify(execFile)(process.execPath, [...argv, "--warm"], { env: environment(home) });
  const cores = workers === 1 ? "0" : "0,1";
  const started = await start("ours", home, port, cores, [process.execPath, ...argv, ...args]);
  const socket = pathsOf(home).routerSocket;
  // It listens before all its workers do.
  const connected = () => openConnection(socket, 1_000).catch(() => undefined);
  const daemon = await waitFor(connected, { every: 50, signal: AbortSignal.timeout(20_000) });
  // What a daemon makes of the records is not the router's time.
  daemon.subscribe(() => {});
  const dispose = async () => {
    daemon.close();
    await started[Symbol.asyncDispose]();
  };
  return { ...started, tlsPort, socket, [Symbol.asyncDispose]: dispose };
}

/** The first is for whoever asks 127.0.0.1. */
export function manyRoutes(count: number, target: Target): readonly TableRoute[] {
  return Array.from({ length: count }, (_, i) => ({
    host: i === 0 ? "127.0.0.1" : `app${i}.test`,
    path: "/",
    app: "bench",
    state: "running",
    targets: [target],
  }));
}
