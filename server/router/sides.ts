import type { FailureCode } from "./failures.ts";
import type { Target } from "./protocol.ts";

/*
 * The exchange (one request and its answer) stands between two sides that know nothing of each other:
 *
 *   client ── ClientSide ── Exchange ── InstanceCall ── instance
 *
 * What passes is bytes of HTTP/1.1: heads are field lines (`Name: value\r\n`, latin1, validated, without hop-by-hop
 * fields), so that two HTTP/1.1 sides need not take them apart. Another protocol on either side translates.
 * Nobody may keep a buffer that is marked as lent after the call has returned.
 */

/** What a listener knows of a connection before its first byte. */
export interface ConnectionFacts {
  readonly protocol: "http" | "https";
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly localPort: number;
  /** `tls1.3`; undefined where it came in the clear. */
  readonly tlsVersion?: string | undefined;
}

/** How the end of a body is known. */
export const framing = {
  none: 0,
  /** `length` bytes. */
  length: 1,
  /** The bytes carry HTTP/1.1 chunk framing, trailers included, up to their end. */
  chunks: 2,
  /** Plain bytes until `end`: who writes HTTP/1.1 has to frame them. */
  stream: 3,
} as const;
export type Framing = (typeof framing)[keyof typeof framing];

/** At most 200 bytes: letters, digits, and what needs no quotes. */
export interface WrittenId {
  /** Answers where it ends. */
  put(out: Uint8Array, at: number): number;
  /** Puts four words there that it is made of; answers itself where it is the client's own. */
  putWords(out: Int32Array, at: number): string | undefined;
}

/** What is known of a request when its head is here. */
export interface RequestFacts {
  readonly method: string;
  /** Origin form, or `*`. A string is made each time: {@link targetBytes} are at hand. */
  readonly target: string;
  readonly targetBytes: Uint8Array;
  readonly targetStart: number;
  readonly targetEnd: number;
  /** Host as the client wrote it. */
  readonly authority: string;
  /** Lower case, without port. */
  readonly host: string;
  readonly requestId: string;
  /** The same, to be written. */
  readonly id: WrittenId;
  /** `X-Forwarded-For` as the instance gets it. */
  readonly forwardedFor: string;
  /** Of the client, after trusted proxies. */
  readonly clientAddress: string;
  readonly protocol: "http" | "https";
  /** Of the connection that it came over. */
  readonly tlsVersion: string | undefined;
  readonly framing: Framing;
  readonly length: number;
  /** `Expect: 100-continue`, and the client has not begun to send. */
  readonly expectsContinue: boolean;
  /** Protocol that the client wants to change to; empty when it does not. */
  readonly upgrade: string;
  /** Its head was here; of `performance.now()`. */
  readonly startedAt: number;
  /** It has a field that asks for one instance (`policy/pinned.ts`). */
  readonly namesInstance?: boolean;
}

/** One request of a client, and the way back. Implemented by the HTTP/1.1 connection and by an HTTP/2 stream. */
export interface ClientSide {
  readonly facts: RequestFacts;
  /** All lines of a field joined by `, `. Slow: for policies and error answers. */
  header(name: string): string | undefined;
  /** Room that {@link writeHead} needs. */
  readonly headBytes: number;
  /**
   * Writes the whole head for an HTTP/1.1 instance to `out` at `at`, the empty line too, and answers where it ends.
   * Asked again for each further instance that is tried.
   */
  writeHead(out: Buffer, at: number): number;
  /** What the instance takes is known: the body may flow to {@link RequestSink}. With `takesChunks` framed as it came. */
  startBody(takesChunks: boolean): void;
  pauseBody(): void;
  resumeBody(): void;

  /** False for HTTP/1.0 and HTTP/2: a chunked body has to be given as `stream`. */
  readonly takesChunks: boolean;
  /** An interim answer, lent. */
  inform(head: AnswerStart, out: Buffer): void;
  /** The head of the answer, lent. With 101 both directions become plain bytes. */
  answer(head: AnswerStart, out: Buffer): void;
  /** A part of its body, lent; it may wait for {@link flush}. False as there. */
  answerData(from: Buffer, start: number, end: number): boolean;
  /** All is said. `trailers` are field lines, where framing is `stream`. The exchange is over for this side. */
  answerEnd(trailers: string): void;
  /**
   * Sends what may have been gathered. Called before control goes back to the event loop. False when no more should come
   * until {@link ClientEvents.clientDrained}.
   */
  flush(): boolean;
  /** The other end of a tunnel will say no more. */
  endTunnel(): void;
  /** Breaks the answer off, so that nobody can take it for whole. */
  cut(): void;
}

/** The head of an answer, in a buffer that goes with it. */
export interface AnswerStart {
  readonly status: number;
  /** Where its HTTP/1.1 status line begins; the field lines follow it at once. */
  readonly lineStart: number;
  readonly fieldsStart: number;
  /** Where they end, without the empty line. Free room for more follows. */
  readonly fieldsEnd: number;
  readonly framing: Framing;
  readonly length: number;
  /** The version of HTTP that it was received with. */
  readonly via: "1.0" | "1.1" | "2.0";
  /** With 101: the protocol that both change to. */
  readonly upgrade: string;
}

/** `100 Continue`. */
export const continueStart: AnswerStart = {
  status: 100,
  lineStart: 0,
  fieldsStart: 0,
  fieldsEnd: 0,
  framing: framing.none,
  length: 0,
  via: "1.1",
  upgrade: "",
};

/** What the client side tells the exchange. */
export interface ClientEvents {
  /** A part of the body; the receiver may keep the buffer. */
  requestData(from: Buffer, start: number, end: number): void;
  /** `trailers` are field lines, where framing is `stream`. */
  requestEnd(trailers: string): void;
  clientDrained(): void;
  /** The connection is lost, or the stream reset: there is nobody left to answer. */
  clientGone(): void;
  /** The request turned out to be broken after its head (bad chunk, body too large). */
  requestBroken(status: 400 | 413): void;
}

/** One request to one instance. Implemented by the pooled HTTP/1.1 connection and by an HTTP/2 stream. */
export interface InstanceCall {
  readonly takesChunks: boolean;
  /** The connection was used before and is ready: `connected` is not told. */
  readonly isReused: boolean;
  /** The head as {@link ClientSide.writeHead} wrote it, lent; it may wait for {@link flush}. */
  sendHead(out: Buffer, start: number, end: number, framing: Framing): void;
  /** False when no more should come until {@link InstanceEvents.instanceDrained}. The buffer may be kept. */
  sendData(from: Buffer, start: number, end: number): boolean;
  /** The kernel has all that it was given: no buffer is kept. False where that is not known. */
  readonly hasSentAll: boolean;
  /** `trailers` are field lines, where framing is `stream`. */
  sendEnd(trailers: string): void;
  flush(): void;
  pauseAnswer(): void;
  resumeAnswer(): void;
  /** Nothing is reported any more. The connection is not used again unless both messages have ended. */
  cancel(): void;
}

export type CallFailure =
  /** Nothing was sent: H19, H21, or H99 when it is this machine that cannot connect. */
  | { readonly kind: "unsent"; readonly code: FailureCode }
  /** A connection used before was closed without a byte of answer: the instance had most likely closed it for idleness. */
  | { readonly kind: "stale" }
  | { readonly kind: "broken"; readonly code: FailureCode };

/** What the instance side tells the exchange. */
export interface InstanceEvents {
  /** The client's side decides how a chunked answer is given. */
  readonly takesChunks: boolean;
  connected(): void;
  /** Lent. */
  informed(head: AnswerStart, out: Buffer): void;
  /** Lent. `framing` is `chunks` where the instance sent them; those who do not take them get `stream` all the same. */
  answered(head: AnswerStart, out: Buffer): void;
  /** Lent. */
  answerData(from: Buffer, start: number, end: number): void;
  answerEnd(trailers: string): void;
  /** What came in one piece is told: send what was gathered. */
  answerPaused(): void;
  instanceDrained(): void;
  /** Instead of an answer, or in its middle; once. */
  instanceFailed(failure: CallFailure): void;
}

export interface CallOptions {
  /** The request could be sent again: only then a connection that was used before is taken. */
  readonly mayReuse: boolean;
  readonly isHead: boolean;
  readonly connectTimeoutMs: number;
}

/** The way to the instances by one protocol. */
export interface InstanceTransport {
  /** Takes an idle connection, or connects. Nothing is told before it has returned. `options` are lent. */
  call(target: Target, options: CallOptions, events: InstanceEvents): InstanceCall;
  /** Closes idle connections to all other targets. */
  retain(targetIds: ReadonlySet<string>): void;
  close(): void;
}
