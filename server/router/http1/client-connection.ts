import type { Socket } from "node:net";
import { Exchange } from "../exchange.ts";
import type { Timed } from "../sweeper.ts";
import { type AnswerStart, type ClientSide, type ConnectionFacts, framing } from "../sides.ts";
import type { Traffic } from "../traffic.ts";
import { turnTime } from "../turn.ts";
import { whenClosed } from "../when-closed.ts";
import { AnswerWriter } from "./answer-writer.ts";
import { broken, ChunkState, scanChunks } from "./chunks.ts";
import { fieldOf, text } from "./fields.ts";
import { head, incomplete } from "./head.ts";
import { Outlet } from "./outlet.ts";
import { parseRequest } from "./parse-request.ts";
import { Pending } from "./pending.ts";
import { refusalText } from "./refusal.ts";
import { Http1RequestFacts } from "./request-facts.ts";
import { Draft, out, reserve } from "./slab.ts";
import { giveBack } from "./spent.ts";
import { TrailerReader, trailerBytes } from "./trailers.ts";

const empty = Buffer.alloc(0);
const tcpKeepAliveMs = 60_000;
const maxHeldBytes = 65_536;
/** Of the head that was read last. */
const draft = new Draft();
/** More would be kept with a head for as long as its request takes. */
const maxKeptBehindHead = 8_192;

/**
 * `head` → `body` → `busy` (the request is whole, its answer is not) → `head`; `tunnel` after 101; `closing` throws away
 * what still comes, so that the client can read the last answer; `over`.
 */
const phases = { head: 0, body: 1, busy: 2, tunnel: 3, closing: 4, over: 5 } as const;
type Phase = (typeof phases)[keyof typeof phases];

/** One HTTP/1.1 connection of a client, plain or TLS: any socket, with what the listener knows of it. */
export class ClientConnection implements ClientSide, Timed {
  readonly facts: Http1RequestFacts;
  readonly #socket: Socket;
  readonly #outlet: Outlet;
  readonly #traffic: Traffic;
  readonly #writer: AnswerWriter;
  #phase: Phase = phases.head;
  #exchange: Exchange | undefined;
  #lastExchange: Exchange | undefined;
  /** The bytes of the request's head, for further tries and for policies. */
  #headBytes: Buffer = empty;
  #headStart = 0;
  #headEnd = 0;
  #partialHead: Pending | undefined;
  /** What came before its turn. */
  #held: Buffer | undefined;
  #isProcessing = false;
  #isBodyOpen = false;
  #isDiscarding = false;
  #isRaw = true;
  #left = 0;
  #chunks: ChunkState | undefined;
  #trailers: TrailerReader | undefined;
  #isPausedByInstance = false;
  #isPaused = false;
  #hasEnded = false;
  /** Probes, or periods in which the end of an answer was not read. */
  #periods = 0;
  #closesAfter = false;
  #isAnswering = false;

  slot = -1;
  previous: Timed | undefined;
  next: Timed | undefined;
  deadline = 0;
  isMoved = false;

  /** `early` is what was read from the socket already. */
  constructor(socket: Socket, facts: ConnectionFacts, traffic: Traffic, early?: Buffer) {
    this.#socket = socket;
    this.#traffic = traffic;
    this.facts = new Http1RequestFacts(traffic.forwarding(facts, "1.1"));
    this.#outlet = new Outlet(socket, facts.protocol === "http");
    this.#writer = new AnswerWriter(this.#outlet, this.facts);
    traffic.opened(this);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("end", () => this.#ended());
    socket.on("drain", () => this.#drained());
    whenClosed(socket, () => this.#gone());
    if (early !== undefined && early.length > 0) this.#process(early, 0, early.length);
  }

  get takesChunks(): boolean {
    return this.facts.minor === 1;
  }

  // The request.

  #read(bytes: Buffer): void {
    const isUnwanted = this.#isDiscarding || this.#phase >= phases.closing;
    this.#process(bytes, 0, bytes.length);
    const isSpent = this.#exchange === undefined ? isUnwanted : this.#exchange.hasPassedOn;
    if (isSpent && this.#held === undefined) giveBack(bytes, this.facts.targetBytes);
  }

  #process(from: Buffer, start: number, end: number): void {
    this.#isProcessing = true;
    let p = start;
    while (p < end) {
      // Who does not read answers gets no more of them: they would pile up here.
      if (this.#phase === phases.head && !this.#outlet.isFull) p = this.#head(from, p, end);
      else if (this.#phase === phases.body && (this.#isBodyOpen || this.#isDiscarding)) p = this.#body(from, p, end);
      else if (this.#phase === phases.tunnel) {
        this.#exchange?.requestData(from, p, end);
        p = end;
      } else if (this.#phase >= phases.closing) p = end;
      else {
        this.#hold(from.subarray(p, end));
        p = end;
      }
    }
    this.#isProcessing = false;
  }

  #head(from: Buffer, start: number, end: number): number {
    let buf = from;
    let p = start;
    let last = end;
    const { maxHeadBytes, maxHeaders } = this.#traffic.policy;
    if (this.#partialHead !== undefined) {
      const before = this.#partialHead.length;
      this.#partialHead.add(from, start, end);
      if (!this.#partialHead.hasEnd(before)) {
        if (this.#partialHead.length > maxHeadBytes) this.#refuse(431);
        return end;
      }
      buf = this.#partialHead.take();
      p = 0;
      last = buf.length;
      this.#partialHead = undefined;
    }
    // RFC 9112 §2.2: an empty line before a request is ignored.
    if (buf[p] === 13 && p + 1 < last && buf[p + 1] === 10) p += 2;
    if (p === last) return end;
    const at = reserve(((last - p) * 5) / 4 + 4_096);
    const body = parseRequest(buf, p, last, out.buffer, at, maxHeaders);
    if (body === incomplete && last - p <= maxHeadBytes) {
      this.#partialHead = new Pending();
      this.#partialHead.add(buf, p, last);
      this.deadline = 0;
      return end;
    }
    if (body <= 0 || body - p > maxHeadBytes) {
      this.#refuse(body < 0 ? head.refusal : 431);
      return end;
    }
    if (last - body > maxKeptBehindHead) this.#beginApart(buf.subarray(p, body), at);
    else this.#begin(buf, p, body, at);
    if (buf === from) return body;
    // What follows a head that came in pieces stands behind it.
    if (body < last) this.#process(buf, body, last);
    this.#isProcessing = true;
    return end;
  }

  /** Its head is kept without what came behind it. */
  #beginApart(bytes: Buffer, at: number): void {
    const own = Buffer.from(bytes);
    parseRequest(own, 0, own.length, out.buffer, at, this.#traffic.policy.maxHeaders);
    this.#begin(own, 0, own.length, at);
  }

  #begin(buf: Buffer, start: number, body: number, at: number): void {
    const { facts } = this;
    this.#headBytes = buf;
    this.#headStart = start;
    this.#headEnd = body;
    if (!facts.take(buf)) {
      this.#refuse(400);
      return;
    }
    if (head.expects === 2) {
      this.#refuse(417);
      return;
    }
    facts.startedAt = turnTime();
    draft.keep(at, head.out);
    this.#closesAfter = facts.minor === 1 ? head.closes : !head.keepsAlive || head.closes;
    this.#isAnswering = false;
    this.#isBodyOpen = false;
    this.#isDiscarding = false;
    this.#phase = facts.framing === framing.none ? phases.busy : phases.body;
    this.#left = facts.length;
    if (facts.framing === framing.chunks) {
      this.#chunks ??= new ChunkState();
      this.#chunks.reset();
      this.#trailers = undefined;
    }
    const last = this.#lastExchange;
    const exchange = last?.mayServeAgain === true ? last : new Exchange(this.#traffic, this);
    this.#lastExchange = exchange;
    this.#exchange = exchange;
    exchange.begin();
    draft.drop();
  }

  header(name: string): string | undefined {
    return fieldOf(text(this.#headBytes, this.#headStart, this.#headEnd), name);
  }

  get headBytes(): number {
    return ((this.#headEnd - this.#headStart) * 5) / 4 + 4_096;
  }

  writeHead(buffer: Buffer, at: number): number {
    let fieldsEnd = draft.end;
    if (!draft.standsAt(buffer, at)) {
      const { maxHeaders } = this.#traffic.policy;
      parseRequest(this.#headBytes, this.#headStart, this.#headEnd, buffer, at, maxHeaders);
      fieldsEnd = head.out;
    }
    draft.drop();
    return this.facts.writeTail(buffer, fieldsEnd, this.#traffic.startMs(this.facts.startedAt));
  }

  startBody(takesChunks: boolean): void {
    this.#isRaw = takesChunks;
    this.#isBodyOpen = true;
    if (this.#phase === phases.tunnel || !this.#isProcessing) this.#takeHeld();
  }

  pauseBody(): void {
    this.#isPausedByInstance = true;
    this.#pause();
  }

  resumeBody(): void {
    this.#isPausedByInstance = false;
    this.#resume();
  }

  #body(from: Buffer, start: number, end: number): number {
    this.isMoved = true;
    this.facts.expectsContinue = false;
    const target = this.#isDiscarding ? undefined : this.#exchange;
    if (this.facts.framing === framing.length) {
      const last = Math.min(end, start + this.#left);
      this.#left -= last - start;
      target?.requestData(from, start, last);
      if (this.#left === 0) this.#bodyEnded("");
      return last;
    }
    return this.#chunkedBody(target, from, start, end);
  }

  #chunkedBody(target: Exchange | undefined, from: Buffer, start: number, end: number): number {
    const state = this.#chunks as ChunkState;
    let p = start;
    if (!state.isAtTrailers) {
      const onData = this.#isRaw ? undefined : (a: number, b: number) => target?.requestData(from, a, b);
      p = scanChunks(state, from, start, end, onData);
      if (p === broken) return this.#bodyBroken(end);
      if (this.#isRaw) target?.requestData(from, start, p);
    }
    if (!state.isAtTrailers || p === end || this.#phase !== phases.body) return p;
    this.#trailers ??= new TrailerReader();
    const last = this.#trailers.read(from, p, end);
    if (last === -1) return this.#bodyBroken(end);
    if (last === -2) return end;
    const { lines } = this.#trailers;
    this.#trailers = undefined;
    if (this.#isRaw) {
      const bytes = trailerBytes(lines);
      target?.requestData(bytes, 0, bytes.length);
    }
    this.#bodyEnded(this.#isRaw ? "" : lines);
    return last;
  }

  #bodyEnded(trailers: string): void {
    if (this.#phase !== phases.body) return;
    const wasDiscarding = this.#isDiscarding;
    this.#phase = phases.busy;
    if (wasDiscarding) this.#nextRequest();
    else this.#exchange?.requestEnd(trailers);
  }

  #bodyBroken(end: number): number {
    this.#closesAfter = true;
    if (this.#isDiscarding) this.#close();
    else this.#exchange?.requestBroken(400);
    return end;
  }

  // The answer.

  inform(answer: AnswerStart, buffer: Buffer): void {
    if (this.facts.minor === 0 || this.#isAnswering) return;
    if (answer.status === 100) this.facts.expectsContinue = false;
    this.#writer.inform(answer, buffer);
  }

  answer(answer: AnswerStart, buffer: Buffer): void {
    const { facts } = this;
    this.#isAnswering = true;
    if (answer.status === 101) {
      this.#phase = phases.tunnel;
      this.#socket.setKeepAlive?.(true, tcpKeepAliveMs);
    } else if (this.#isLast() || facts.expectsContinue) this.#closesAfter = true;
    else if (answer.framing === framing.stream && facts.minor === 0) this.#closesAfter = true;
    this.#writer.head(answer, buffer, this.#closesAfter);
  }

  answerData(from: Buffer, start: number, end: number): boolean {
    return this.#writer.data(from, start, end);
  }

  answerEnd(trailers: string): void {
    this.#writer.end(trailers);
    this.#exchange = undefined;
    if (this.#phase === phases.over) return;
    if (this.#phase === phases.tunnel || this.#closesAfter) this.#close();
    else if (this.#phase === phases.body) this.#discardBody();
    else this.#nextRequest();
  }

  flush(): boolean {
    this.#outlet.flush();
    return !this.#outlet.isFull;
  }

  endTunnel(): void {
    this.#outlet.end();
  }

  /** A body that only the end of the connection ends must not seem whole: then the connection is reset. */
  cut(): void {
    this.#outlet.sendNow();
    this.#exchange = undefined;
    if (this.#isAnswering && this.#writer.isEndedByClose) this.#socket.resetAndDestroy();
    this.destroy();
  }

  // The connection.

  /** The client sends no more, or shall not. */
  #isLast(): boolean {
    return this.#held === undefined && (this.#hasEnded || this.#traffic.isClosing);
  }

  /** Idle since the last answer, or never used: may be closed without harm. */
  get isIdle(): boolean {
    return this.#isBetweenRequests() && this.#outlet.isClear;
  }

  #isBetweenRequests(): boolean {
    return this.#phase === phases.head && this.#partialHead === undefined && this.#held === undefined;
  }

  /** The end of the last answer may still be on its way. */
  leave(): void {
    if (this.#isBetweenRequests()) this.#close();
  }

  timeoutMs(): number {
    const { headTimeoutMs, clientKeepAliveMs, lingerMs, probeMs } = this.#traffic.policy;
    if (this.#phase === phases.head) return this.#partialHead === undefined ? clientKeepAliveMs : headTimeoutMs;
    if (this.#phase === phases.closing || this.#isDiscarding) return lingerMs;
    if (this.#phase === phases.busy && this.#hasEnded && !this.#isAnswering) return probeMs * 2 ** this.#periods;
    return Infinity;
  }

  expired(): void {
    if (this.#phase === phases.over) return;
    if (this.#phase === phases.head && this.#partialHead !== undefined) {
      this.#traffic.finished("H26");
      this.#refuse(408);
    } else if (this.#phase === phases.busy && !this.#isDiscarding) this.#probe();
    else if (this.#outlet.unsent > 0 && ++this.#periods < this.#traffic.policy.stalledPeriods) this.deadline = 0;
    else this.destroy();
  }

  /**
   * After the client's FIN: has it gone, or does it only have nothing more to say? Whoever is gone answers a byte with a
   * reset; who waits for an answer passes over an interim one (RFC 9110 §15.2).
   */
  #probe(): void {
    this.deadline = 0;
    if (!this.#hasEnded || this.#isAnswering || this.facts.minor === 0) return;
    this.#periods += 1;
    this.#writer.goOn();
  }

  #refuse(status: number): void {
    this.#traffic.finished("H26");
    this.#outlet.write(refusalText(status));
    this.#closesAfter = true;
    this.#close();
  }

  #nextRequest(): void {
    this.#phase = phases.head;
    this.#isDiscarding = false;
    this.#isBodyOpen = false;
    this.#isPausedByInstance = false;
    this.#isAnswering = false;
    this.#periods = 0;
    this.deadline = 0;
    this.#headBytes = empty;
    if (this.#isLast()) {
      this.#close();
      return;
    }
    if (this.#isProcessing) this.#resume();
    else this.#takeHeld();
  }

  /** Reads the rest of a request whose answer is out, so that the client gets to read it. */
  #discardBody(): void {
    this.#isDiscarding = true;
    this.#isPausedByInstance = false;
    this.deadline = 0;
    if (!this.#isProcessing) this.#takeHeld();
    this.#resume();
  }

  #hold(bytes: Buffer): void {
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    if (this.#phase === phases.body || this.#held.length > maxHeldBytes) this.#pause();
  }

  #takeHeld(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#read(held);
    this.#resume();
    // Its FIN came before what was held had its turn.
    if (this.#hasEnded && this.#held === undefined && this.#phase !== phases.busy) this.#ended();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #resume(): void {
    const mustWait = this.#isPausedByInstance || this.#held !== undefined;
    if (!this.#isPaused || mustWait || this.#phase === phases.over) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #drained(): void {
    if (!this.#outlet.drained()) return;
    if (this.#exchange !== undefined) this.#exchange.clientDrained();
    else if (this.#phase === phases.head) this.#takeHeld();
  }

  /** The client has said all that it will say. */
  #ended(): void {
    this.#hasEnded = true;
    if (this.#phase === phases.tunnel) this.#exchange?.requestEnd("");
    else if (this.#phase === phases.busy || this.#held !== undefined) this.deadline = 0;
    else if (this.#phase === phases.body && !this.#isDiscarding) this.#gone();
    else this.#close();
  }

  #close(): void {
    if (this.#phase === phases.over) return;
    const isDone = this.#phase === phases.busy || this.#phase === phases.head || this.#hasEnded;
    this.#phase = phases.closing;
    this.#held = undefined;
    this.#periods = 0;
    this.deadline = 0;
    if (isDone && !this.#isProcessing) {
      this.#outlet.close();
      return;
    }
    this.#outlet.end();
    this.#isPausedByInstance = false;
    this.#resume();
  }

  #gone(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.destroy();
    exchange?.clientGone();
  }

  destroy(): void {
    if (this.#phase === phases.over && this.#socket.destroyed) return;
    const wasOver = this.#phase === phases.over;
    this.#phase = phases.over;
    this.#outlet.drop();
    this.#held = undefined;
    this.#partialHead = undefined;
    this.#socket.destroy();
    this.#lastExchange?.retire();
    if (!wasOver) this.#traffic.closed(this);
  }
}
