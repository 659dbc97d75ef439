import { setTimeout as delay } from "node:timers/promises";
import { AppError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { type Connection, ConnectionLost, openConnection } from "./connection.ts";
import { unpackRecords } from "./packed-records.ts";
import type { PurgeRequest, RequestRecord, RouterControl, TableContent, TableRoute } from "./protocol.ts";
import type { Encryption } from "./tls/encryption.ts";
import type { ListeningPorts } from "./worker-messages.ts";
import { ToldRoutes } from "./table-change.ts";
import type { ApplyResult, Question, RecordBatch, RouterStatus } from "./wire.ts";

export interface RouterClientOptions {
  readonly socket: string;
  /** Called in order; what it was given counts as kept when it returns. */
  readonly onRequests: (records: readonly RequestRecord[]) => void;
  readonly log: Log;
  /** Called before each try to connect again: starts a router where there is none. */
  readonly revive?: (last: ListeningPorts) => Promise<void>;
}

export interface RouterClient extends RouterControl, AsyncDisposable {
  /** False while the router is gone and is started again. */
  readonly isConnected: boolean;
  /** @throws AppError ROUTER_UNAVAILABLE */
  status(signal: AbortSignal): Promise<RouterStatus>;
}

const greetingTimeoutMs = 2_000;
const answerTimeoutMs = 15_000;
const minPauseMs = 50;
const maxPauseMs = 2_000;

/** Connects to a running router, and again whenever the connection is lost. @throws AppError ROUTER_UNAVAILABLE */
export async function connectRouter(options: RouterClientOptions): Promise<RouterClient> {
  const first = await openConnection(options.socket, greetingTimeoutMs).catch((err: unknown) => {
    throw new AppError("ROUTER_UNAVAILABLE", { cause: messageOf(err) }, { cause: err });
  });
  return new ReconnectingClient(options, first);
}

interface Waiter {
  readonly turn: number;
  readonly resolve: () => void;
}

/**
 * The newest routes that anybody asked for are what is sent, also after a reconnect: an older call that is still
 * waiting can never bring its table back.
 */
class ReconnectingClient implements RouterClient {
  readonly #options: RouterClientOptions;
  readonly #end = new AbortController();
  #connection: Connection | undefined;
  #ready = Promise.withResolvers<Connection>();
  #wanted: { readonly turn: number; readonly routes: readonly TableRoute[]; readonly more: TableContent } | undefined;
  #appliedTurn = 0;
  #sentTurn = 0;
  #version = 0;
  readonly #told = new ToldRoutes();
  #waiters = new Set<Waiter>();
  #received = { pid: 0, upTo: 0 };
  #encryption: Encryption | undefined;
  httpPort: number;
  httpsPort: number | undefined;
  pid: number;

  constructor(options: RouterClientOptions, first: Connection) {
    this.#options = options;
    this.httpPort = first.hello.httpPort;
    this.httpsPort = first.hello.httpsPort;
    this.pid = first.hello.pid;
    void this.#stayConnected(first);
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  async apply(routes: readonly TableRoute[], signal: AbortSignal, more: TableContent = {}): Promise<void> {
    signal.throwIfAborted();
    const turn = (this.#wanted?.turn ?? 0) + 1;
    this.#wanted = { turn, routes, more };
    const applied = new Promise<void>((resolve) => this.#waiters.add({ turn, resolve }));
    if (this.#connection !== undefined) void this.#sendWanted(this.#connection);
    await within(applied, answerTimeoutMs, signal, "it did not apply the routes");
  }

  async encrypt(encryption: Encryption, signal: AbortSignal): Promise<void> {
    this.#encryption = encryption;
    for (;;) {
      try {
        await this.#ask({ type: "encrypt", encryption: this.#encryption }, signal);
        return;
      } catch (err) {
        signal.throwIfAborted();
        if (!(err instanceof ConnectionLost)) throw err;
      }
    }
  }

  async drain(targetIds: readonly string[], deadlineMs: number, signal: AbortSignal): Promise<boolean> {
    const end = performance.now() + deadlineMs;
    const left = () => Math.max(0, Math.ceil(end - performance.now()));
    for (;;) {
      try {
        const connection = await within(this.#ready.promise, left(), signal, "it does not answer");
        const answer = connection.ask({ type: "drain", targetIds, deadlineMs: left() });
        return (await within(answer, left() + greetingTimeoutMs, signal, "it does not answer")) === true;
      } catch (err) {
        signal.throwIfAborted();
        if (left() === 0) return false;
        if (!(err instanceof ConnectionLost)) throw err;
      }
    }
  }

  async status(signal: AbortSignal): Promise<RouterStatus> {
    return (await this.#ask({ type: "status" }, signal)) as RouterStatus;
  }

  async purge(what: PurgeRequest, signal: AbortSignal): Promise<number> {
    return (await this.#ask({ type: "purge", what }, signal)) as number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.#connection?.close();
    await this.#connection?.closed;
  }

  async #ask(question: Question, signal: AbortSignal): Promise<unknown> {
    const connection = await within(this.#ready.promise, answerTimeoutMs, signal, "it does not answer");
    return within(connection.ask(question), answerTimeoutMs, signal, "it does not answer");
  }

  async #stayConnected(first: Connection): Promise<void> {
    let connection: Connection | undefined = first;
    let pauseMs = minPauseMs;
    while (!this.#end.signal.aborted) {
      if (connection !== undefined) {
        this.#connected(connection);
        await connection.closed;
        this.#lost();
        pauseMs = minPauseMs;
      }
      connection = await this.#reconnect();
      if (connection === undefined) await delay(pauseMs, undefined, { signal: this.#end.signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, maxPauseMs);
    }
    connection?.close();
  }

  async #reconnect(): Promise<Connection | undefined> {
    if (this.#end.signal.aborted) return undefined;
    try {
      await this.#options.revive?.({ http: this.httpPort, https: this.httpsPort });
      return await openConnection(this.#options.socket, greetingTimeoutMs);
    } catch (err) {
      this.#options.log.warn("router does not answer", { cause: messageOf(err) });
      return undefined;
    }
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    this.#version = Math.max(this.#version, connection.hello.version);
    this.httpPort = connection.hello.httpPort;
    this.httpsPort = connection.hello.httpsPort;
    this.pid = connection.hello.pid;
    this.#sentTurn = 0;
    this.#told.forget();
    connection.subscribe((batch) => this.#recordsCame(connection.hello.pid, batch));
    this.#ready.resolve(connection);
    if (this.#encryption !== undefined) {
      connection.ask({ type: "encrypt", encryption: this.#encryption }).catch((err: unknown) => {
        if (!(err instanceof ConnectionLost)) this.#options.log.error("router refused the certificates", { err });
      });
    }
    void this.#sendWanted(connection);
  }

  #lost(): void {
    this.#connection = undefined;
    this.#ready = Promise.withResolvers();
    if (!this.#end.signal.aborted) this.#options.log.warn("connection to the router lost", { router: this.pid });
  }

  async #sendWanted(connection: Connection): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === undefined || wanted.turn === this.#sentTurn) return;
    this.#sentTurn = wanted.turn;
    this.#version += 1;
    try {
      const table = { version: this.#version, routes: wanted.routes, ...wanted.more };
      const change = this.#told.tell(table);
      const question: Question = change === undefined ? { type: "apply", table } : { type: "change", change };
      const result = (await connection.ask(question)) as ApplyResult;
      if (result.applied) this.#applied(wanted.turn);
      else this.#overtaken(connection, result.version);
    } catch (err) {
      this.#told.forget();
      // A lost connection sends again when it is back.
      if (!(err instanceof ConnectionLost)) this.#options.log.error("router refused the routes", { err });
    }
  }

  #applied(turn: number): void {
    this.#appliedTurn = Math.max(this.#appliedTurn, turn);
    for (const waiter of this.#waiters) {
      if (waiter.turn > this.#appliedTurn) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  #overtaken(connection: Connection, version: number): void {
    this.#version = Math.max(this.#version, version);
    this.#sentTurn = 0;
    this.#told.forget();
    void this.#sendWanted(connection);
  }

  #recordsCame(pid: number, batch: RecordBatch): void {
    if (batch.dropped > 0) this.#options.log.warn("request records lost", { dropped: batch.dropped });
    const known = this.#received.pid === pid ? Math.max(0, this.#received.upTo - batch.first) : 0;
    this.#received = { pid, upTo: batch.first + batch.packed.count };
    const fresh = unpackRecords(batch.packed).slice(known);
    if (fresh.length === 0) return;
    try {
      this.#options.onRequests(fresh);
    } catch (err) {
      this.#options.log.error("request records were not taken", { err });
    }
  }
}

/** @throws AppError ROUTER_UNAVAILABLE after `timeoutMs`, the signal's reason when it aborts */
async function within<T>(promise: Promise<T>, timeoutMs: number, signal: AbortSignal, cause: string): Promise<T> {
  signal.throwIfAborted();
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => reject(new AppError("ROUTER_UNAVAILABLE", { cause })), timeoutMs);
  try {
    return await Promise.race([promise, interrupted]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
