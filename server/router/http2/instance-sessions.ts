import type { ClientHttp2Session } from "node:http2";
import type { FailureCode } from "../failures.ts";
import type { Target } from "../protocol.ts";
import type { CallOptions, InstanceCall, InstanceEvents, InstanceTransport } from "../sides.ts";
import { InstanceStream, type SharedSession } from "./instance-stream.ts";

export interface SessionOptions {
  readonly maxHeaders: number;
  readonly maxAnswerHeadBytes: number;
}

/** Until the instance has said how many it takes. */
const fallbackStreams = 100;

class Session implements SharedSession {
  readonly http2: ClientHttp2Session;
  readonly #calls = new Set<InstanceStream>();
  isConnected = false;
  #isRetired = false;

  constructor(http2: ClientHttp2Session) {
    this.http2 = http2;
  }

  get mayTakeMore(): boolean {
    const { closed, destroyed, remoteSettings } = this.http2;
    const limit = this.isConnected ? (remoteSettings.maxConcurrentStreams ?? fallbackStreams) : fallbackStreams;
    return !closed && !destroyed && !this.#isRetired && this.#calls.size < limit;
  }

  add(call: InstanceStream): void {
    this.#calls.add(call);
  }

  release(call: InstanceStream): void {
    this.#calls.delete(call);
  }

  retire(): void {
    this.#isRetired = true;
    if (!this.http2.closed) this.http2.close();
  }

  connected(): void {
    this.isConnected = true;
    for (const call of this.#calls) call.connected();
  }

  /** Requests that are under way learn it from their streams. */
  lost(code: FailureCode): void {
    if (this.isConnected) return;
    for (const call of this.#calls) call.unreachable(code);
  }
}

/** Connections to instances that speak HTTP/2 without TLS (h2c, with prior knowledge): gRPC servers do. */
export class InstanceSessions implements InstanceTransport {
  readonly #options: SessionOptions;
  readonly #sessions = new Map<string, Session[]>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  call(target: Target, options: CallOptions, events: InstanceEvents): InstanceCall {
    // Requests share a connection, whatever their method: one that ends says which it has not looked at.
    const known = this.#sessions.get(target.id)?.find((one) => one.mayTakeMore);
    const session = known ?? this.#connect(target, options.connectTimeoutMs);
    const { maxHeaders } = this.#options;
    const { isHead } = options;
    const call = new InstanceStream(session, { isHead, isReused: session.isConnected, maxHeaders }, events);
    session.add(call);
    return call;
  }

  retain(targetIds: ReadonlySet<string>): void {
    for (const [id, sessions] of this.#sessions) {
      if (targetIds.has(id)) continue;
      this.#sessions.delete(id);
      for (const session of sessions) session.retire();
    }
  }

  close(): void {
    for (const sessions of this.#sessions.values()) for (const { http2 } of sessions) http2.destroy();
    this.#sessions.clear();
  }

  #connect(target: Target, timeoutMs: number): Session {
    // Few apps speak it, and it takes 6 MB.
    const { connect } = process.getBuiltinModule("node:http2");
    const http2 = connect(`http://${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`, {
      maxHeaderListPairs: this.#options.maxHeaders + 4,
      settings: { enablePush: false, maxHeaderListSize: this.#options.maxAnswerHeadBytes, initialWindowSize: 262_144 },
    });
    const session = new Session(http2);
    const all = this.#sessions.get(target.id) ?? [];
    this.#sessions.set(target.id, [...all, session]);
    let hasTimedOut = false;
    const timer = setTimeout(() => {
      hasTimedOut = true;
      http2.destroy();
    }, timeoutMs);
    http2.once("connect", () => {
      clearTimeout(timer);
      session.connected();
    });
    http2.on("error", () => {});
    http2.once("close", () => {
      clearTimeout(timer);
      const left = this.#sessions.get(target.id)?.filter((one) => one !== session) ?? [];
      if (left.length > 0) this.#sessions.set(target.id, left);
      else this.#sessions.delete(target.id);
      session.lost(hasTimedOut ? "H19" : "H21");
    });
    return session;
  }
}
