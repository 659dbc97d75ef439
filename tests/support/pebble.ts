import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import https from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { waitFor } from "../../server/core/time.ts";
import { selfSigned } from "../../server/routes/certs/self-signed.ts";
import { goProgram } from "./go-program.ts";

const source = { module: "github.com/letsencrypt/pebble/v2", version: "v2.10.1", command: "cmd/pebble" };

export interface PebbleOptions {
  /** Where it looks for answers to challenges. */
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly dnsServer: string;
  /** Life of its certificates. */
  readonly validitySeconds: number;
}

export interface Pebble extends AsyncDisposable {
  readonly directory: string;
  /** PEM file: what its own HTTPS is trusted by. */
  readonly caFile: string;
  /** While set, new orders are refused as a CA refuses them that has been asked too often. */
  limit: { readonly detail: string; readonly retryAfterSeconds: number } | undefined;
  /** Requests for new orders so far. */
  readonly orders: () => number;
  /** The root that its certificates are trusted by, PEM. */
  root(): Promise<string>;
}

/** Let's Encrypt's test CA: a real RFC 8555 server, which validates for real. Built from the Go module proxy once. */
export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const program = await goProgram(source);
  const dir = await mkdtemp(path.join(tmpdir(), "pebble-"));
  const own = await selfSigned(["localhost"], Date.now());
  const file = (name: string) => path.join(dir, name);
  await writeFile(file("cert.pem"), own.chain);
  await writeFile(file("key.pem"), own.key);
  const [port, managementPort] = [await freePort(), await freePort()];
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: file("cert.pem"),
    privateKey: file("key.pem"),
    httpPort: options.httpPort,
    tlsPort: options.httpsPort,
    domainBlocklist: ["blocked.test"],
    retryAfter: { authz: 1, order: 1 },
    keyAlgorithm: "ecdsa",
    profiles: { default: { description: "short", validityPeriod: options.validitySeconds } },
  };
  await writeFile(file("config.json"), JSON.stringify({ pebble }));
  let output = "";
  const child = spawn(program, ["-strict", "-config", file("config.json"), "-dnsserver", options.dnsServer], {
    stdio: ["ignore", "pipe", "pipe"],
    // Each order is validated anew, and some nonces are refused, as a CA may do.
    env: { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "10", PEBBLE_AUTHZREUSE: "0" },
  });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ask = (url: string) => get(url, own.chain);
  await waitFor(
    async () => {
      if (child.exitCode !== null) throw new Error(`pebble ended with ${child.exitCode}: ${output}`);
      return (await ask(`https://localhost:${port}/dir`).catch(() => "")) !== "";
    },
    { every: 50, signal: AbortSignal.timeout(30_000) },
  );
  const state: { limit: Pebble["limit"]; orders: number } = { limit: undefined, orders: 0 };
  const gate = await startGate(port, own, state);
  return {
    directory: `https://localhost:${gate.port}/dir`,
    caFile: file("cert.pem"),
    get limit() {
      return state.limit;
    },
    set limit(value) {
      state.limit = value;
    },
    orders: () => state.orders,
    root: () => ask(`https://localhost:${managementPort}/roots/0`),
    async [Symbol.asyncDispose]() {
      await gate.close();
      await end(child);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Stands before Pebble, which knows no rate limits: it makes its URLs from `Host`, so that all requests come this way. */
async function startGate(
  port: number,
  own: { readonly chain: string; readonly key: string },
  state: { readonly limit: Pebble["limit"]; orders: number },
) {
  const server = https.createServer({ cert: own.chain, key: own.key }, (req, res) => {
    const isOrder = req.url === "/order-plz" && req.method === "POST";
    if (isOrder && state.limit !== undefined) {
      state.orders += 1;
      const { detail, retryAfterSeconds } = state.limit;
      req.resume();
      res.writeHead(429, { "content-type": "application/problem+json", "retry-after": String(retryAfterSeconds) });
      res.end(JSON.stringify({ type: "urn:ietf:params:acme:error:rateLimited", detail, status: 429 }));
      return;
    }
    const forwarded = https.request(
      { host: "127.0.0.1", port, method: req.method, path: req.url, headers: req.headers, rejectUnauthorized: false },
      (answer) => {
        // One with a nonce that was refused comes again.
        if (isOrder && answer.statusCode !== 400) state.orders += 1;
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      },
    );
    forwarded.once("error", () => res.destroy());
    req.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get(
      url,
      { ca, agent: false, lookup: (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]) },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => resolve(text));
      },
    );
    request.once("error", reject);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
