import { setTimeout as delay } from "node:timers/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { ClientConnection } from "./http1/client-connection.ts";
import { Http1Pool } from "./http1/pool.ts";
import { ClientSession } from "./http2/client-session.ts";
import { InstanceSessions } from "./http2/instance-sessions.ts";
import { AskedHosts, Forwarding, type TrustedProxies, type Via } from "./http1/forwarding.ts";
import { Instances } from "./instances.ts";
import { type LiveRoute, LiveTable } from "./live-table.ts";
import { type AppTraffic, Metrics } from "./metrics.ts";
import { defaultStartMs, workerState } from "./policy/compile.ts";
import type { CompiledPolicy } from "./policy/compiled-policy.ts";
import { defaultPolicy, type Policy } from "./policy.ts";
import { contains, networks } from "./policy/ip-filter.ts";
import type { Front, RoutingTable } from "./protocol.ts";
import type { RecordBuffer } from "./record-buffer.ts";
import type { ConnectionFacts, InstanceTransport } from "./sides.ts";
import { acceptProxied, plainAddress } from "./tcp/accept-proxied.ts";
import type { Requested } from "./table.ts";
import type { ProxyFacts } from "./tcp/proxy-protocol.ts";
import { Slots } from "./slots.ts";
import { changed, type TableChange } from "./table-change.ts";
import { TcpListeners, type TcpProblems } from "./tcp/listeners.ts";
import { Sweeper, type Timed } from "./sweeper.ts";
import type { TlsOptions, TlsSecrets } from "./tls/encryption.ts";
import { TlsFront } from "./tls/front.ts";
import type { OpenConnection, Traffic } from "./traffic.ts";
import type { ListeningPorts } from "./worker-messages.ts";

export interface WorkerStatus {
  readonly version: number;
  /** Target id → exchanges under way. */
  readonly inFlight: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly rssBytes: number;
  /** App → what its requests came to. */
  readonly apps: Readonly<Record<string, AppTraffic>>;
  readonly cache: { readonly entries: number; readonly bytes: number };
  readonly tcpProblems: TcpProblems;
}

export interface DataPathOptions {
  readonly listen: string;
  readonly port: number;
  /** Others may listen on the same port beside this. */
  readonly isShared?: boolean;
  readonly tls?: TlsOptions | undefined;
  readonly table: RoutingTable;
  readonly records: RecordBuffer;
  readonly policy?: Partial<Policy>;
  readonly trustedProxies?: TrustedProxies;
}

const noProxies: TrustedProxies = { has: () => false };
const readBytes = 65_536;

/** One worker: takes requests on its port and routes them by its table. */
export class DataPath implements Traffic {
  readonly policy: Policy;
  readonly instances = new Instances();
  readonly metrics = new Metrics();
  readonly records: RecordBuffer;
  trustedProxies: TrustedProxies;
  #front: Front | undefined;
  #isBehindProxyProtocol = false;
  readonly #options: DataPathOptions;
  readonly #server: Server;
  readonly #tls: TlsFront | undefined;
  readonly #pool: Http1Pool;
  readonly #sessions: InstanceSessions;
  readonly #table: LiveTable;
  readonly #tcp: TcpListeners;
  readonly #sweeper: Sweeper;
  readonly #hosts = {
    http: new AskedHosts("http", "1.1"),
    https: new AskedHosts("https", "1.1"),
    http2: new AskedHosts("https", "2.0"),
  };
  #ports: ListeningPorts = { http: 80, https: undefined };
  readonly #connections = new Slots<OpenConnection>();
  readonly #failures = new Map<string, number>();
  #routing: RoutingTable;
  #requests = 0;
  #startMs = Buffer.from("0");
  #startMsOf = 0;
  isClosing = false;

  constructor(options: DataPathOptions) {
    this.#options = options;
    this.records = options.records;
    this.policy = { ...defaultPolicy, ...options.policy };
    this.trustedProxies = options.trustedProxies ?? noProxies;
    this.#pool = new Http1Pool(this.policy);
    this.#sessions = new InstanceSessions(this.policy);
    this.#table = new LiveTable(this.instances);
    this.#sweeper = new Sweeper(sweepMs(this.policy), (now) => this.#pool.sweep(now));
    this.#tcp = new TcpListeners({
      listen: options.listen,
      isShared: options.isShared ?? false,
      instances: this.instances,
      connectTimeoutMs: this.policy.connectTimeoutMs,
      startPatienceMs: defaultStartMs,
      refusedPatienceMs: this.policy.refusedPatienceMs,
      isProxied: (socket) => this.#beginsProxied(socket),
      graceMs: this.policy.tunnelGraceMs,
    });
    this.#routing = options.table;
    this.apply(options.table);
    this.#server = createServer({ noDelay: true, allowHalfOpen: true, highWaterMark: readBytes }, (socket) =>
      this.#accept(socket, "http", false),
    );
    this.#tls = options.tls === undefined ? undefined : this.#createFront(options.tls);
  }

  /** @throws the error of listen(2) */
  async listen(): Promise<ListeningPorts> {
    const http = await this.#listen();
    this.#ports = { http, https: undefined };
    this.#ports = { http, https: await this.#tls?.listen() };
    return this.#ports;
  }

  /** In force for the next handshake. */
  encrypt(secrets: TlsSecrets): void {
    this.#tls?.apply(secrets);
  }

  #listen(): Promise<number> {
    const { listen: host, port, isShared = false } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: 4_096, reusePort: isShared }, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Takes over a connection that something else has accepted: TLS, the PROXY protocol. */
  take(socket: Socket, facts: ConnectionFacts, early?: Buffer): void {
    new ClientConnection(socket, facts, this, early);
  }

  apply(table: RoutingTable): void {
    this.#routing = table;
    // Before the table: connections that are released from now on are kept for its instances only.
    const targetIds = new Set(table.routes.flatMap((route) => route.targets.map((target) => target.id)));
    this.#pool.retain(targetIds);
    this.#sessions.retain(targetIds);
    // Policies are compiled with it.
    this.#takeFront(table.front);
    const tcp = table.tcp ?? [];
    // One that was replaced has given its ports away, and still routes what it has.
    if (!this.isClosing) this.#tcp.apply(tcp);
    // Last: who waits for an instance that is gone looks for another at once.
    this.#table.apply(
      table.routes,
      tcp.flatMap((route) => route.targets.map((target) => target.id)),
    );
  }

  /** False when it is made of another table than the one in force. */
  change(change: TableChange): boolean {
    if (change.base !== this.#routing.version) return false;
    this.apply(changed(this.#routing, change));
    return true;
  }

  /** All that `apply` has begun is done. */
  async settled(): Promise<void> {
    await this.#tcp.settled();
  }

  drain(targetIds: readonly string[], deadlineMs: number): Promise<boolean> {
    return this.instances.drain(targetIds, deadlineMs);
  }

  status(): WorkerStatus {
    return {
      version: this.#routing.version,
      inFlight: this.instances.counts(),
      requests: this.#requests,
      failures: Object.fromEntries(this.#failures),
      rssBytes: process.memoryUsage.rss(),
      tcpProblems: this.#tcp.problems(),
      apps: this.metrics.snapshot(performance.now()),
      cache: { entries: workerState.cache.entries, bytes: workerState.cache.bytes },
    };
  }

  /**
   * Takes no new connections, lets what is under way end, and cuts what is left after `deadlineMs`. A connection that is idle
   * may bring one more request for `idleMs`: to close it under a client that is just sending would lose that.
   */
  async close(deadlineMs: number, idleMs = 0): Promise<void> {
    this.isClosing = true;
    const tls = this.#tls?.stopListening();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#tcp.close();
    if (idleMs > 0) await this.#emptied(idleMs);
    this.#closeIdle();
    const tunnels = setTimeout(() => this.instances.endTunnels(), Math.max(0, deadlineMs - this.policy.tunnelGraceMs));
    const cut = setTimeout(() => this.#cutAll(), deadlineMs);
    await this.instances.drainAll(deadlineMs);
    await closed;
    await tls;
    clearTimeout(tunnels);
    clearTimeout(cut);
    this.#sweeper.stop();
    this.instances.stop();
    this.#pool.close();
    this.#sessions.close();
  }

  match(request: Requested): LiveRoute | undefined {
    return this.#table.match(request);
  }

  forwarding(connection: ConnectionFacts, via: Via): Forwarding {
    const hosts = via === "2.0" ? this.#hosts.http2 : this.#hosts[connection.protocol];
    return new Forwarding(connection, this.trustedProxies, hosts);
  }

  transport(protocol?: CompiledPolicy["instanceProtocol"]): InstanceTransport {
    return protocol === "h2c" ? this.#sessions : this.#pool;
  }

  opened(connection: OpenConnection): void {
    this.#connections.add(connection);
    this.#sweeper.add(connection);
  }

  closed(connection: OpenConnection): void {
    this.#connections.remove(connection);
    this.#sweeper.remove(connection);
  }

  watch(one: Timed): void {
    this.#sweeper.add(one);
  }

  unwatch(one: Timed): void {
    this.#sweeper.remove(one);
  }

  wallClock(monotonic: number): number {
    return this.#sweeper.wallClock(monotonic);
  }

  startMs(monotonic: number): Buffer {
    const ms = Math.floor(this.#sweeper.wallClock(monotonic));
    if (ms !== this.#startMsOf) {
      this.#startMsOf = ms;
      this.#startMs = Buffer.from(String(ms), "latin1");
    }
    return this.#startMs;
  }

  finished(code: string | undefined): void {
    this.#requests += 1;
    if (code !== undefined) this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
  }

  #createFront({ port, secrets }: TlsOptions): TlsFront {
    const { listen: host, isShared = false } = this.#options;
    return new TlsFront({
      listen: { host, port, backlog: 4_096, reusePort: isShared },
      handshakeTimeoutMs: this.policy.headTimeoutMs,
      secrets,
      protocols: ["h2", "http/1.1"],
      isProxied: (socket) => this.#beginsProxied(socket),
      onConnection: (socket, alpn, said) => this.#accept(socket, "https", alpn === "h2", said),
    });
  }

  /** Where none can come the socket is not asked for its peer: that is a call into the kernel. */
  #beginsProxied(socket: Socket): boolean {
    return this.#isBehindProxyProtocol && this.#isProxied(plainAddress(socket.remoteAddress ?? ""));
  }

  /** A trusted proxy puts a PROXY header before each connection from there. */
  #isProxied(address: string): boolean {
    return this.#isBehindProxyProtocol && this.trustedProxies.has(address);
  }

  /** `said`: by a proxy in front, before the handshake. */
  #accept(socket: Socket, protocol: ConnectionFacts["protocol"], isHttp2: boolean, said?: ProxyFacts): void {
    const { remoteAddress, remotePort = 0 } = socket;
    // To ask the socket for it would take a call into the kernel.
    const localPort = this.#ports[protocol] ?? 443;
    if (remoteAddress === undefined) {
      // Gone already.
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const clientAddress = plainAddress(remoteAddress);
    const tlsVersion = protocol === "https" ? versionOf(socket as TLSSocket) : undefined;
    const facts = { protocol, clientAddress, clientPort: remotePort, localPort, tlsVersion };
    if (protocol === "http" && this.#isProxied(clientAddress)) {
      acceptProxied(socket, (plain, rest) => {
        this.take(socket, { ...facts, ...clientOf(plain) }, rest);
        socket.resume();
      });
      return;
    }
    const told = said === undefined ? facts : { ...facts, ...clientOf(said) };
    if (isHttp2) new ClientSession(socket, told, this);
    else this.take(socket, told);
  }

  #takeFront(front: Front | undefined): void {
    // The same in nearly every table.
    if (JSON.stringify(front) === JSON.stringify(this.#front)) return;
    this.#front = front;
    workerState.workers = front?.workers ?? 1;
    this.#isBehindProxyProtocol = front?.proxyProtocol ?? false;
    const blocks = networks(front?.trustedProxies ?? []);
    this.trustedProxies = { has: (address) => contains(blocks, address) };
  }

  /** When no connection is left, or after `withinMs`. */
  async #emptied(withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    while (this.#connections.size > 0 && performance.now() < end) await delay(50);
  }

  #closeIdle(): void {
    for (const connection of this.#connections.list()) {
      if (connection.isIdle) connection.destroy();
      else connection.leave?.();
    }
  }

  #cutAll(): void {
    for (const connection of this.#connections.list()) connection.destroy();
  }
}

/** As Heroku's log shows it. */
function versionOf(socket: TLSSocket): string | undefined {
  return socket.getProtocol()?.replace("TLSv", "tls");
}

function clientOf(said: ProxyFacts | undefined): Partial<ConnectionFacts> {
  return said === undefined ? {} : { clientAddress: said.sourceAddress, clientPort: said.sourcePort };
}

/** Limits are kept to within one sweep: a small part of the shortest. */
function sweepMs(policy: Policy): number {
  const { firstByteTimeoutMs, idleTimeoutMs, headTimeoutMs, continueAfterMs } = policy;
  const shortest = Math.min(firstByteTimeoutMs, idleTimeoutMs, headTimeoutMs, continueAfterMs);
  return Math.max(5, Math.min(500, shortest / 4));
}
