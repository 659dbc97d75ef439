import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { RoundRobin } from "./balance.ts";
import { serve } from "./exchange.ts";
import type { FailureCode } from "./failures.ts";
import { InFlight } from "./inflight.ts";
import { PooledTransport } from "./instances.ts";
import { createServer } from "./node-http.ts";
import { defaultPolicy, type Policy } from "./policy.ts";
import type { RequestRecord, RoutingTable, TableRoute } from "./protocol.ts";
import { compileTable, type RouteMatcher } from "./table.ts";
import type { Traffic } from "./traffic.ts";
import { tunnel, wantsTunnel } from "./tunnel.ts";

export interface WorkerStatus {
  readonly version: number;
  /** Target id → exchanges under way. */
  readonly inFlight: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly rssBytes: number;
}

export interface DataPathOptions {
  readonly listen: string;
  readonly port: number;
  readonly table: RoutingTable;
  readonly record: (record: RequestRecord) => void;
  readonly policy?: Partial<Policy>;
}

/** One worker: takes requests on its port and routes them by its table. */
export class DataPath implements Traffic {
  readonly policy: Policy;
  readonly transport: PooledTransport;
  readonly balancer = new RoundRobin();
  readonly inFlight = new InFlight();
  readonly #options: DataPathOptions;
  readonly #server: Server;
  readonly #current = new WeakMap<Socket, ServerResponse>();
  readonly #failures = new Map<FailureCode, number>();
  #table: RoutingTable;
  #matcher: RouteMatcher;
  #requests = 0;
  isClosing = false;

  constructor(options: DataPathOptions) {
    this.#options = options;
    this.policy = { ...defaultPolicy, ...options.policy };
    this.transport = new PooledTransport(this.policy);
    this.#table = options.table;
    this.#matcher = compileTable(options.table.routes);
    this.#server = this.#createServer();
  }

  /** Answers the port. @throws the error of listen(2) */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: this.#options.listen, port: this.#options.port, backlog: 4096 }, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  apply(table: RoutingTable): void {
    this.#matcher = compileTable(table.routes);
    this.#table = table;
    this.balancer.retain(table.routes);
    this.transport.retain(new Set(table.routes.flatMap((route) => route.targets.map((target) => target.id))));
  }

  drain(targetIds: readonly string[], deadlineMs: number): Promise<boolean> {
    return this.inFlight.drain(targetIds, deadlineMs);
  }

  status(): WorkerStatus {
    return {
      version: this.#table.version,
      inFlight: this.inFlight.counts(),
      requests: this.#requests,
      failures: Object.fromEntries(this.#failures),
      rssBytes: process.memoryUsage.rss(),
    };
  }

  /** Takes no new connections, lets what is under way end, and cuts what is left after `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.inFlight.closeTunnels();
    const sweep = setInterval(() => this.#server.closeIdleConnections(), 50);
    const cut = setTimeout(() => this.#server.closeAllConnections(), deadlineMs);
    await this.inFlight.drainAll(deadlineMs);
    await closed;
    clearInterval(sweep);
    clearTimeout(cut);
    this.transport.close();
  }

  match(host: string, target: string): TableRoute | undefined {
    return this.#matcher.match(host, target);
  }

  finished(code: FailureCode | undefined, record: RequestRecord | undefined): void {
    this.#requests += 1;
    if (code !== undefined) this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
    if (record !== undefined) this.#options.record(record);
  }

  #createServer(): Server {
    const { headTimeoutMs, clientKeepAliveMs, maxHeadBytes } = this.policy;
    const server = createServer({
      headersTimeout: headTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, headTimeoutMs),
      // An upload may take as long as it moves: exchanges have idle times of their own.
      requestTimeout: 0,
      keepAliveTimeout: clientKeepAliveMs,
      maxHeaderSize: maxHeadBytes,
      insecureHTTPParser: false,
      noDelay: true,
      shouldUpgradeCallback: wantsTunnel,
    });
    // node:http would drop what is over its limit without a word: inspect() refuses it.
    server.maxHeadersCount = 0;
    server.on("request", (req, res) => this.#inTurn(req, res, false));
    server.on("checkContinue", (req, res) => this.#inTurn(req, res, true));
    server.on("connect", (_req, socket) => {
      socket.on("error", () => socket.destroy());
      socket.end("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
    server.on("upgrade", (req, socket, head) => {
      const current = this.#current.get(req.socket);
      // Pipelined behind a request that is still being answered: the two answers would mix.
      if (current !== undefined && !current.writableFinished) socket.destroy();
      else tunnel(this, req, head);
    });
    return server;
  }

  /** Pipelined requests are executed one after the other. */
  #inTurn(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    const previous = this.#current.get(req.socket);
    this.#current.set(req.socket, res);
    if (previous === undefined || previous.writableFinished || previous.destroyed) {
      serve(this, req, res, expectsContinue);
      return;
    }
    previous.once("close", () => {
      if (!req.socket.destroyed) serve(this, req, res, expectsContinue);
    });
  }
}
