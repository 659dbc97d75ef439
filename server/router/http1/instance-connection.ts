import { connect, type Socket } from "node:net";
import type { FailureCode } from "../failures.ts";
import type { Target } from "../protocol.ts";
import type { AnswerStart, CallFailure, CallOptions, Framing, InstanceCall, InstanceEvents } from "../sides.ts";
import { framing } from "../sides.ts";
import { whenClosed } from "../when-closed.ts";
import { text } from "./fields.ts";
import { broken, ChunkState, scanChunks } from "./chunks.ts";
import { head, incomplete } from "./head.ts";
import { parseAnswer } from "./parse-answer.ts";
import { Outlet } from "./outlet.ts";
import { Pending } from "./pending.ts";
import type { IdleStack } from "./idle-stack.ts";
import type { Http1Pool } from "./pool.ts";
import { out, reserve } from "./slab.ts";
import { TrailerReader, trailerBytes } from "./trailers.ts";

/** All instances' bytes arrive here: what is read is lent until the callback returns. */
const inbox = Buffer.allocUnsafeSlow(65_536);
const smallBody = 16_384;
/** Below what the instance says itself, so that it never closes while the next request is under way. */
const keepAliveMarginMs = 1_000;
const tcpKeepAliveMs = 60_000;

const phases = { idle: 0, waiting: 1, length: 2, chunks: 3, close: 4, tunnel: 5, over: 6 } as const;
type Phase = (typeof phases)[keyof typeof phases];

class Answer implements AnswerStart {
  status = 0;
  lineStart = 0;
  fieldsStart = 0;
  fieldsEnd = 0;
  framing: Framing = framing.none;
  length = 0;
  via: AnswerStart["via"] = "1.1";
  upgrade = "";
}
/** Read at once or never: one for all. */
const answer = new Answer();

/** What a socket calls with what it has read. It cannot be taken from the socket, as a listener can by {@link whenClosed}. */
class Inlet {
  #read: ((count: number) => boolean) | undefined;
  readonly buffer = inbox;
  readonly callback = (count: number): boolean => this.#read?.(count) === true;

  constructor(read: (count: number) => boolean) {
    this.#read = read;
  }

  close(): void {
    this.#read = undefined;
  }
}

/** One connection to an instance, and the request that is under way on it. */
export class InstanceConnection implements InstanceCall {
  readonly takesChunks = true;
  readonly target: Target;
  readonly stack: IdleStack;
  readonly #pool: Http1Pool;
  readonly #socket: Socket;
  readonly #outlet: Outlet;
  isReused = false;
  /** Monotonic; while it is idle. */
  idleUntil = 0;
  keepAliveMs: number;
  #events: InstanceEvents | undefined;
  /** Counts requests: the same events may serve the next one too. */
  #turn = 0;
  #isHead = false;
  #phase: Phase = phases.idle;
  #isConnected = false;
  #hasTimedOut = false;
  #connectTimer: NodeJS.Timeout | undefined;
  /** Any byte of an answer came: the request was executed. */
  #hasAnswer = false;
  #isRequestSent = false;
  #requestFraming: Framing = framing.none;
  #mayKeep = false;
  #left = 0;
  #chunks: ChunkState | undefined;
  #trailers: TrailerReader | undefined;
  #pending: Pending | undefined;

  constructor(pool: Http1Pool, target: Target, stack: IdleStack) {
    this.#pool = pool;
    this.stack = stack;
    this.target = target;
    this.keepAliveMs = pool.options.instanceKeepAliveMs;
    const inlet = new Inlet((count) => this.#read(count));
    const { host, port, tls } = target;
    const socket =
      tls === undefined ? connect({ host, port, noDelay: true, onread: inlet }) : this.#secure(target, tls);
    this.#socket = socket;
    this.#outlet = new Outlet(socket, tls === undefined);
    socket.once(tls === undefined ? "connect" : "secureConnect", () => this.#connected());
    socket.on("drain", () => this.#drained());
    socket.once("end", () => this.#ended());
    socket.on("error", (err: NodeJS.ErrnoException) => this.#lost(err.code ?? ""));
    whenClosed(socket, () => {
      this.#lost("");
      inlet.close();
    });
  }

  /** What it reads is put where a plain connection's bytes stand. */
  #secure({ host, port }: Target, { servername }: NonNullable<Target["tls"]>): Socket {
    const { connect: connectSecurely } = process.getBuiltinModule("node:tls");
    const socket = connectSecurely({ host, port, servername, ALPNProtocols: ["http/1.1"] });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      for (let at = 0; at < chunk.length && !socket.destroyed; at += inbox.length) {
        const part = chunk.subarray(at, at + inbox.length);
        inbox.set(part);
        this.#read(part.length);
      }
    });
    return socket;
  }

  begin(options: CallOptions, events: InstanceEvents): void {
    this.#turn += 1;
    this.#events = events;
    this.#isHead = options.isHead;
    this.isReused = this.#isConnected;
    this.#phase = phases.waiting;
    this.#hasAnswer = false;
    this.#isRequestSent = false;
    if (this.#isConnected) return;
    this.#connectTimer = setTimeout(() => {
      this.#hasTimedOut = true;
      this.#lost("ETIMEDOUT");
    }, options.connectTimeoutMs);
  }

  // To the instance.

  sendHead(_out: Buffer, start: number, end: number, kind: Framing): void {
    this.#requestFraming = kind;
    this.#outlet.open(start, end);
    if (kind === framing.none) this.#isRequestSent = true;
  }

  sendData(from: Buffer, start: number, end: number): boolean {
    if (this.#requestFraming === framing.stream) return this.#sendChunk(from, start, end);
    return this.#sendBytes(from, start, end);
  }

  get hasSentAll(): boolean {
    return this.#outlet.isClear && this.target.tls === undefined;
  }

  sendEnd(trailers: string): void {
    if (this.#phase === phases.tunnel) {
      this.#outlet.end();
      return;
    }
    if (this.#requestFraming === framing.stream) {
      const last = Buffer.concat([Buffer.from("0\r\n"), trailerBytes(trailers)]);
      this.#sendBytes(last, 0, last.length);
    }
    this.flush();
    this.#isRequestSent = true;
  }

  flush(): void {
    this.#outlet.flush();
  }

  pauseAnswer(): void {
    this.#socket.pause();
  }

  resumeAnswer(): void {
    this.#socket.resume();
  }

  cancel(): void {
    this.#events = undefined;
    this.destroy();
  }

  destroy(): void {
    clearTimeout(this.#connectTimer);
    this.#outlet.drop();
    this.#phase = phases.over;
    this.#socket.destroy();
  }

  #sendChunk(from: Buffer, start: number, end: number): boolean {
    if (start === end) return !this.#outlet.isFull;
    const size = Buffer.from(`${(end - start).toString(16)}\r\n`, "latin1");
    this.#sendBytes(size, 0, size.length);
    this.#sendBytes(from, start, end);
    return this.#sendBytes(crlf, 0, 2);
  }

  #sendBytes(from: Buffer, start: number, end: number): boolean {
    const outlet = this.#outlet;
    const count = end - start;
    if (count <= smallBody && outlet.fits(count)) {
      outlet.add(from, start, end);
      outlet.flush();
    } else if (count > 0) outlet.write(start === 0 && end === from.length ? from : from.subarray(start, end));
    return !outlet.isFull;
  }

  #drained(): void {
    if (this.#outlet.drained()) this.#events?.instanceDrained();
  }

  #connected(): void {
    clearTimeout(this.#connectTimer);
    this.#isConnected = true;
    this.#events?.connected();
  }

  // From the instance.

  #read(count: number): boolean {
    if (this.#phase === phases.idle) {
      // Nobody has asked: what comes cannot be told from an answer to the next request.
      this.stack.forget(this);
      this.destroy();
      return false;
    }
    this.#consume(count);
    return true;
  }

  #consume(count: number): void {
    this.#hasAnswer = true;
    let p = 0;
    let end = count;
    let from: Buffer = inbox;
    if (this.#phase === phases.waiting) {
      if (this.#pending !== undefined) {
        const before = this.#pending.length;
        this.#pending.add(inbox, 0, count);
        if (!this.#pending.hasEnd(before) && this.#pending.length <= this.#pool.options.maxAnswerHeadBytes) return;
        from = this.#pending.take();
        this.#pending = undefined;
        end = from.length;
      }
      while (this.#phase === phases.waiting && p < end) {
        p = this.#head(from, p, end);
        if (p === -1) return;
      }
    }
    const turn = this.#turn;
    if (p < end) this.#body(from, p, end);
    if (turn === this.#turn) this.#events?.answerPaused();
  }

  /** Answers where the body begins; −1 when there is no more to do with what came. */
  #head(from: Buffer, start: number, end: number): number {
    const { maxAnswerHeadBytes, maxHeaders } = this.#pool.options;
    const at = reserve(((end - start) * 5) / 4 + 4_096);
    const body = parseAnswer(from, start, end, out.buffer, at, maxHeaders);
    if (body === incomplete && end - start <= maxAnswerHeadBytes) {
      this.#pending = new Pending();
      this.#pending.add(from, start, end);
      return -1;
    }
    if (body <= 0 || body - start > maxAnswerHeadBytes) {
      this.#fail(head.refusal === 431 || body >= 0 ? "H25" : "H17");
      return -1;
    }
    answer.status = head.status;
    answer.lineStart = at;
    answer.fieldsStart = head.fieldsStart;
    answer.fieldsEnd = head.out;
    answer.via = head.minor === 1 ? "1.1" : "1.0";
    answer.upgrade = "";
    if (head.status < 200 && head.status !== 101) {
      this.#events?.informed(answer, out.buffer);
      return this.#events === undefined ? -1 : body;
    }
    return this.#finalHead(from, body, end);
  }

  #finalHead(from: Buffer, body: number, end: number): number {
    const { status } = head;
    this.#mayKeep = head.minor === 1 ? !head.closes : head.keepsAlive && !head.closes;
    this.#hint(head.keepAliveSeconds);
    answer.length = Math.max(0, head.length);
    if (status === 101) {
      this.#phase = phases.tunnel;
      this.#mayKeep = false;
      answer.framing = framing.none;
      answer.upgrade = text(from, head.upgradeStart, head.upgradeEnd);
      this.#socket.setKeepAlive(true, tcpKeepAliveMs);
    } else if (this.#isHead || status === 204 || status === 304) {
      this.#phase = phases.over;
      answer.framing = framing.none;
      if (head.isChunked && !this.#isHead) this.#mayKeep = false;
    } else if (head.isChunked) {
      this.#phase = phases.chunks;
      answer.framing = framing.chunks;
      this.#chunks ??= new ChunkState();
      this.#chunks.reset();
      this.#trailers?.reset();
    } else if (head.length !== -1) {
      this.#left = head.length;
      this.#phase = head.length === 0 ? phases.over : phases.length;
      answer.framing = framing.length;
    } else {
      this.#phase = phases.close;
      this.#mayKeep = false;
      answer.framing = framing.stream;
    }
    const isOver = this.#phase === phases.over;
    this.#events?.answered(answer, out.buffer);
    if (this.#events === undefined) return -1;
    if (!isOver) return body;
    // Bytes behind the message belong to nothing.
    if (body < end) this.#mayKeep = false;
    this.#complete("");
    return -1;
  }

  #body(from: Buffer, start: number, end: number): void {
    const events = this.#events;
    if (events === undefined) return;
    if (this.#phase === phases.length) {
      const last = Math.min(end, start + this.#left);
      this.#left -= last - start;
      events.answerData(from, start, last);
      if (this.#left > 0 || this.#events === undefined) return;
      if (last < end) this.#mayKeep = false;
      this.#complete("");
    } else if (this.#phase === phases.chunks) {
      this.#chunkedBody(events, from, start, end);
    } else {
      events.answerData(from, start, end);
    }
  }

  #chunkedBody(events: InstanceEvents, from: Buffer, start: number, end: number): void {
    const state = this.#chunks as ChunkState;
    const isRaw = events.takesChunks;
    let p = start;
    if (!state.isAtTrailers) {
      const onData = isRaw ? undefined : (a: number, b: number) => events.answerData(from, a, b);
      p = scanChunks(state, from, start, end, onData);
      if (p === broken) {
        this.#fail("H18");
        return;
      }
    }
    if (this.#events === undefined) return;
    if (!state.isAtTrailers) {
      if (isRaw) events.answerData(from, start, end);
      return;
    }
    // By far the most bodies end without trailers, in one piece.
    if (isRaw && from[p] === 13 && p + 1 < end && from[p + 1] === 10 && this.#trailers === undefined) {
      if (p + 2 < end) this.#mayKeep = false;
      events.answerData(from, start, p + 2);
      if (this.#events !== undefined) this.#complete("");
      return;
    }
    if (isRaw && p > start) events.answerData(from, start, p);
    if (p < end && this.#events !== undefined) this.#trailerSection(events, from, p, end, isRaw);
  }

  #trailerSection(events: InstanceEvents, from: Buffer, start: number, end: number, isRaw: boolean): void {
    this.#trailers ??= new TrailerReader();
    const last = this.#trailers.read(from, start, end);
    if (last === -2) return;
    if (last === -1) {
      this.#fail("H18");
      return;
    }
    if (last < end) this.#mayKeep = false;
    const { lines } = this.#trailers;
    this.#trailers = undefined;
    if (!isRaw) {
      this.#complete(lines);
      return;
    }
    const bytes = trailerBytes(lines);
    events.answerData(bytes, 0, bytes.length);
    if (this.#events !== undefined) this.#complete("");
  }

  /** The answer is whole. The connection is free before the exchange is told: the next request may follow at once. */
  #complete(trailers: string): void {
    const events = this.#events;
    this.#events = undefined;
    const isFit = this.#mayKeep && this.#isRequestSent && !this.#outlet.isFull && this.#outlet.isClear;
    if (isFit) this.#phase = phases.idle;
    // Paused for a client that was slow: the next one is another.
    if (isFit && this.#socket.isPaused()) this.#socket.resume();
    this.#pool.release(this, isFit);
    events?.answerEnd(trailers);
  }

  /** `Keep-Alive: timeout=5` of the instance: a second less, or not at all. */
  #hint(seconds: number): void {
    if (seconds < 0) return;
    const limit = seconds * 1_000 - keepAliveMarginMs;
    this.keepAliveMs = Math.min(this.#pool.options.instanceKeepAliveMs, limit);
    if (limit <= 0) this.#mayKeep = false;
  }

  #ended(): void {
    if (this.#phase === phases.close || this.#phase === phases.tunnel) {
      const events = this.#events;
      this.#events = undefined;
      this.#phase = phases.over;
      this.#outlet.close();
      events?.answerEnd("");
      return;
    }
    this.#lost("");
  }

  #lost(code: string): void {
    if (this.#phase === phases.idle) this.stack.forget(this);
    const events = this.#events;
    if (events === undefined) {
      this.destroy();
      return;
    }
    const failure = this.#classify(code);
    this.#events = undefined;
    this.destroy();
    if (failure.kind === "stale") this.stack.destroyAll();
    events.instanceFailed(failure);
  }

  #fail(code: FailureCode): void {
    const events = this.#events;
    this.cancel();
    events?.instanceFailed({ kind: "broken", code });
  }

  #classify(code: string): CallFailure {
    if (!this.#isConnected) {
      if (this.#hasTimedOut || code === "ETIMEDOUT") return { kind: "unsent", code: "H19" };
      return { kind: "unsent", code: localFailures.has(code) ? "H99" : "H21" };
    }
    if (this.#phase !== phases.waiting) return { kind: "broken", code: "H18" };
    if (this.isReused && !this.#hasAnswer) return { kind: "stale" };
    return { kind: "broken", code: "H13" };
  }
}

const crlf = Buffer.from("\r\n");
const localFailures: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL"]);
