import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import https from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { connectDocker, labels } from "../../server/docker/client.ts";
import { newId } from "../../server/core/ids.ts";
import { waitFor } from "../../server/core/time.ts";
import { selfSigned } from "../../server/routes/certs/self-signed.ts";

const version = "v2.10.1";
const module = `github.com/letsencrypt/pebble/v2/cmd/pebble@${version}`;
const folder = path.join(import.meta.dirname, "..", "..", "node_modules", ".cache", `pebble-${version}`);
const run = promisify(execFile);

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
  const program = await build();
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

/** With the machine's Go, else with that of the build image. */
async function build(): Promise<string> {
  const program = path.join(folder, "pebble");
  if (existsSync(program)) return program;
  await mkdir(path.dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  const timeout = 8 * 60_000;
  const env = { ...process.env, GOBIN: fresh, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" };
  const hasGo = await run("go", ["version"]).then(
    () => true,
    () => false,
  );
  if (hasGo) await run("go", ["install", module], { env, timeout, maxBuffer: 16 * 1024 * 1024 });
  else await buildInContainer(fresh);
  // Another test file may have been as fast.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
  return program;
}

/** On a machine without Go the build image has it. */
async function buildInContainer(target: string): Promise<void> {
  const docker = connectDocker();
  const images = await docker.listImages({ filters: { label: [`${labels.kind}=stack`] } });
  const tags = images.flatMap((image) => image.RepoTags ?? []);
  const image = tags.find((tag) => tag.startsWith("paas/stack-build:"));
  if (image === undefined) throw new Error("The stack is missing. Make it with: cli/paas doctor --fix");
  const container = await docker.createContainer({
    Image: image,
    Cmd: ["sh", "-c", 'go install "$0"', module],
    Env: ["CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOBIN=/out", "GOCACHE=/tmp/cache", "GOPATH=/tmp/go"],
    Labels: { [labels.home]: newId() },
    HostConfig: { Binds: [`${target}:/out`], NetworkMode: "host" },
  });
  try {
    await container.start();
    const { StatusCode: code } = (await container.wait()) as { readonly StatusCode: number };
    const said = code === 0 ? "" : (await container.logs({ stdout: true, stderr: true })).toString();
    if (code !== 0) throw new Error(`pebble was not built (${code}): ${said}`);
  } finally {
    await container.remove({ force: true, v: true });
  }
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
