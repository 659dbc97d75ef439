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

/** What is known of a request when its head is here. */
export interface RequestFacts {
  readonly method: string;
  /** Origin form, or `*`. */
  readonly target: string;
  /** Host as the client wrote it. */
  readonly authority: string;
  /** Lower case, without port. */
  readonly host: string;
  readonly requestId: string;
  /** `X-Forwarded-For` as the instance gets it. */
  readonly forwardedFor: string;
  /** Of the client, after trusted proxies. */
  readonly clientAddress: string;
  readonly protocol: "http" | "https";
  readonly framing: Framing;
  readonly length: number;
  /** `Expect: 100-continue`, and the client has not begun to send. */
  readonly expectsContinue: boolean;
  /** Protocol that the client wants to change to; empty when it does not. */
  readonly upgrade: string;
}

/** One request of a client, and the way back. Implemented by the HTTP/1.1 connection and by an HTTP/2 stream. */
export interface ClientSide {
  readonly facts: RequestFacts;
  /** All lines of a field joined by `, `. Slow: for policies and error answers. */
  header(name: string): string | undefined;
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
  /** An interim answer: the field lines stand in `out` from `start` to `end`, lent. */
  inform(status: number, reason: string, out: Buffer, start: number, end: number): void;
  /** The head of the answer; the field lines are lent. With 101 both directions become plain bytes. */
  answer(head: AnswerStart, out: Buffer, start: number, end: number): void;
  /** A part of its body, lent. False when no more should come until {@link ClientEvents.clientDrained}. */
  answerData(from: Buffer, start: number, end: number): boolean;
  /** All is said. `trailers` are field lines, where framing is `stream`. */
  answerEnd(trailers: string): void;
  /** Sends what may have been gathered. Called before control goes back to the event loop. */
  flush(): void;
  /** Breaks the answer off, so that nobody can take it for whole. */
  cut(): void;
}

export interface AnswerStart {
  readonly status: number;
  /** Empty where the instance gave none. */
  readonly reason: string;
  readonly framing: Framing;
  readonly length: number;
}

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
  /** The head as {@link ClientSide.writeHead} wrote it, lent; after `connected`. */
  sendHead(out: Buffer, start: number, end: number, framing: Framing): void;
  /** False when no more should come until {@link InstanceEvents.instanceDrained}. */
  sendData(from: Buffer, start: number, end: number): boolean;
  sendEnd(trailers: string): void;
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
  connected(isReused: boolean): void;
  informed(status: number, reason: string, out: Buffer, start: number, end: number): void;
  answered(head: AnswerStart, out: Buffer, start: number, end: number): void;
  /** Lent. */
  answerData(from: Buffer, start: number, end: number): void;
  answerEnd(trailers: string): void;
  instanceDrained(): void;
  /** Instead of an answer, or in its middle; once. */
  instanceFailed(failure: CallFailure): void;
}

/** The way to the instances by one protocol. */
export interface InstanceTransport {
  /** Connects or takes an idle connection; `events.connected` follows, at once or later. */
  call(target: Target, mayReuse: boolean, events: InstanceEvents): InstanceCall;
  /** Closes idle connections to all other targets. */
  retain(targetIds: ReadonlySet<string>): void;
  close(): void;
}
