import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { type Config, pathsOf, readConfig } from "../../../server/config/config.ts";
import { type AppId, defaultSpace, newId, parseAppName, web } from "../../../server/core/ids.ts";
import { silentLog } from "../../../server/core/log.ts";
import type { Actor, App } from "../../../server/core/types.ts";
import { createCertParts } from "../../../server/daemon/certs.ts";
import { makeHome, openState, type State } from "../../../server/daemon/state.ts";
import { ensureRouter, stopRouter } from "../../../server/router/process.ts";
import type { RouterClient } from "../../../server/router/client.ts";
import { RoutePublisher } from "../../../server/routes/publisher.ts";
import { startDnsServer, type DnsServer } from "../../support/dns-server.ts";
import { type Pebble, startPebble } from "../../support/pebble.ts";

export const actor: Actor = { kind: "owner", name: "owner" };

/** State, router process and certificates as the daemon has them, without an engine; one app answers `hello`. */
export class CertsBed implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly state: State;
  readonly router: RouterClient;
  readonly publisher: RoutePublisher;
  readonly dns: DnsServer;
  readonly app: App;
  readonly config: Config;
  readonly #server: Server;

  private constructor(stack: AsyncDisposableStack, parts: Omit<CertsBedParts, "stack">) {
    this.#stack = stack;
    this.state = parts.state;
    this.router = parts.router;
    this.publisher = parts.publisher;
    this.dns = parts.dns;
    this.app = parts.app;
    this.config = parts.config;
    this.#server = parts.server;
  }

  static async start(workers = 1): Promise<CertsBed> {
    const stack = new AsyncDisposableStack();
    const home = await mkdtemp(path.join(tmpdir(), "certs-"));
    stack.defer(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
    const read = readConfig(
      {
        PAAS_HOME: home,
        PAAS_DOMAIN: "apps.test",
        PAAS_LISTEN: "127.0.0.1",
        PAAS_HTTP_PORT: "0",
        PAAS_HTTPS_PORT: "0",
      },
      true,
    );
    if (!read.ok) throw new Error(read.problems.join());
    const config = { ...read.config, routerWorkers: workers };
    const paths = pathsOf(home);
    makeHome(home, paths);
    const state = openState(paths, stack);
    // After the client has let go of it: a client starts a router that is gone again.
    stack.defer(async () => void (await stopRouter(paths)));
    const router = stack.use(
      await ensureRouter({
        config,
        paths,
        node: process.execPath,
        log: silentLog,
        key: state.routerKey,
        onRequests: () => {},
        signal: AbortSignal.timeout(60_000),
      }),
    );
    const server = createServer((_req, res) => void res.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stack.defer(() => void server.close());
    const dns = stack.use(await startDnsServer());
    const app: App = {
      id: newId() as AppId,
      name: parseAppName("shop"),
      space: defaultSpace,
      deployBranch: undefined,
      stopped: false,
      createdAt: Date.now(),
    };
    state.apps.insert(app);
    const publisher = new RoutePublisher({
      control: () => router,
      routes: () => state.routes.list(),
      appName: (appId) => state.apps.getById(appId)?.name,
      policies: () => () => undefined,
      shares: () => [],
      tcp: () => [],
      front: { workers: 1, trustedProxies: [], proxyProtocol: false },
      own: () => bedRows(),
    });
    let bedRows: () => ReturnType<Certs["challengeRoutes"]> = () => [];
    const bed = new CertsBed(stack, { state, router, publisher, dns, app, config, server });
    bed.#rows = (rows) => (bedRows = rows);
    return bed;
  }

  /** How far the daemon's clock is ahead of the machine's. */
  aheadMs = 0;

  #rows: (rows: () => ReturnType<Certs["challengeRoutes"]>) => void = () => {};

  get target() {
    return {
      id: "web",
      type: web,
      name: "web.1",
      address: "127.0.0.1",
      port: (this.#server.address() as AddressInfo).port,
    };
  }

  /** Routes these hosts to the app. */
  async route(...hosts: readonly string[]): Promise<void> {
    for (const host of hosts)
      this.state.routes.insert(
        { id: newId(), host, path: "/", space: defaultSpace, appId: this.app.id, type: web, port: undefined },
        Date.now(),
      );
    await this.publisher.refresh(AbortSignal.timeout(10_000));
  }

  /** What the daemon does about certificates, with that CA. Dispose it to be without a daemon. */
  async certs(pebble: Pebble | undefined, acme: Partial<Config["acme"]> = {}): Promise<Certs> {
    const base = {
      ...this.config.acme,
      directory: pebble?.directory,
      caFile: pebble?.caFile,
      dnsServers: [this.dns.address],
    };
    const config = { ...this.config, acme: { ...base, ...acme } };
    const publishRoutes = () => this.publisher.refresh(AbortSignal.timeout(10_000));
    const { publisher, state } = this;
    const certs = createCertParts({
      config,
      state,
      router: () => this.router,
      publishRoutes,
      routesAreOut: publisher.released,
      now: () => Date.now() + this.aheadMs,
      log: silentLog,
    });
    this.#rows(() => certs.challengeRoutes());
    publisher.seed(this.app.id, [this.target], { web: "running" });
    await certs.serve();
    await publisher.release(AbortSignal.timeout(10_000));
    return certs;
  }

  /** A CA that looks for challenges at this router. */
  pebble(validitySeconds: number): Promise<Pebble> {
    const { httpPort, httpsPort = 0 } = this.router;
    return startPebble({ httpPort, httpsPort, dnsServer: this.dns.address, validitySeconds });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

interface CertsBedParts {
  readonly stack: AsyncDisposableStack;
  readonly state: State;
  readonly router: RouterClient;
  readonly publisher: RoutePublisher;
  readonly dns: DnsServer;
  readonly app: App;
  readonly config: Config;
  readonly server: Server;
}

export type Certs = ReturnType<typeof createCertParts>;

export interface Shown {
  readonly serial: string;
  readonly names: string;
  readonly issuer: string;
  /** What is asked for over this connection answers. */
  readonly body: string;
  readonly isTrusted: boolean;
}

/** Connects as a browser does and asks for `/` there. */
export function visit(port: number, host: string, ca = ""): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      servername: host,
      ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: false,
      ca,
    };
    const socket = tls.connect(options, () => {
      const { serialNumber, subjectaltname = "", issuer } = socket.getPeerCertificate();
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      socket.once("end", () => {
        resolve({
          serial: serialNumber,
          names: subjectaltname,
          issuer: String(issuer.CN),
          body: text.split("\r\n\r\n").at(-1) ?? "",
          isTrusted: socket.authorized,
        });
      });
    });
    socket.once("error", reject);
  });
}
