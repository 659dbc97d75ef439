import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { ConnectionFacts } from "../sides.ts";
import type { Timed } from "../sweeper.ts";
import type { Forwarding } from "../http1/forwarding.ts";
import type { OpenConnection, Traffic } from "../traffic.ts";
import { ClientStream } from "./client-stream.ts";
import type { RawHeaders } from "./field-lines.ts";

const maxStreams = 128;
/** What a client may have under way before an instance has taken it, per request. */
const windowBytes = 262_144;
const maxSessionMegabytes = 16;
/** Streams that a client takes back ("rapid reset" costs us a request each): so many together, then so many a second. */
const resetBurst = 200;
const resetsPerSecond = 33;

function ignore(): void {}

/** One HTTP/2 connection of a client. */
export class ClientSession implements OpenConnection {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #traffic: Traffic;
  #streams = 0;
  #isEnding = false;
  #resets = 0;
  #resetsAt = 0;
  slot = -1;
  previous: Timed | undefined;
  next: Timed | undefined;
  deadline = 0;
  isMoved = false;

  constructor(socket: Socket, facts: ConnectionFacts, traffic: Traffic) {
    this.#traffic = traffic;
    // HTTP/2 knows no half-closed connections: a client that has ended its side is gone.
    socket.allowHalfOpen = false;
    const { maxHeadBytes, maxHeaders } = traffic.policy;
    const session = performServerHandshake(socket, {
      settings: {
        maxConcurrentStreams: maxStreams,
        maxHeaderListSize: maxHeadBytes,
        initialWindowSize: windowBytes,
        enablePush: false,
      },
      maxHeaderListPairs: maxHeaders + 4,
      maxSendHeaderBlockLength: 1_048_576,
      maxSessionMemory: maxSessionMegabytes,
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
    });
    this.#session = session;
    this.#socket = socket;
    traffic.opened(this);
    const forwarding = traffic.forwarding(facts, "2.0");
    session.on("stream", (stream, _headers, flags, raw) => this.#begin(stream, raw, flags, forwarding));
    session.on("error", () => {});
    session.once("close", () => traffic.closed(this));
  }

  get isIdle(): boolean {
    return this.#streams === 0;
  }

  destroy(): void {
    this.#end(constants.NGHTTP2_NO_ERROR);
  }

  /** What is under way may end; the client opens another connection for more. */
  leave(): void {
    if (!this.#session.closed) this.#session.close();
  }

  timeoutMs(): number {
    return this.#streams === 0 ? this.#traffic.policy.clientKeepAliveMs : Number.POSITIVE_INFINITY;
  }

  expired(): void {
    this.leave();
    // A client that does not answer the end is gone.
    this.deadline = 0;
    if (this.#session.closed) this.#end(constants.NGHTTP2_NO_ERROR);
  }

  #begin(stream: ServerHttp2Stream, raw: RawHeaders, flags: number, forwarding: Forwarding): void {
    this.#streams += 1;
    stream.on("error", ignore);
    const request = ClientStream.serve(stream, raw, flags, forwarding, this.#traffic);
    stream.once("close", () => {
      this.#streams -= 1;
      this.deadline = 0;
      if (stream.aborted) this.#takenBack();
      request?.gone();
      if (this.#traffic.isClosing) this.leave();
    });
  }

  #takenBack(): void {
    const now = performance.now();
    this.#resets = Math.max(0, this.#resets - ((now - this.#resetsAt) / 1000) * resetsPerSecond) + 1;
    this.#resetsAt = now;
    if (this.#resets > resetBurst) this.#end(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Not in the middle of what the library is telling: it would keep the socket open for ever. */
  #end(code: number): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    setImmediate(() => {
      // Without an error the library would say that there was none.
      const cause = code === constants.NGHTTP2_NO_ERROR ? undefined : new Error(`ended with ${code}`);
      this.#session.destroy(cause, code);
      setImmediate(() => this.#socket.destroy());
    });
  }
}
