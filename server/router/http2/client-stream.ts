import { Exchange } from "../exchange.ts";
import { put, putCrlf } from "../http1/bytes.ts";
import { fieldOf, text } from "../http1/fields.ts";
import type { Forwarding } from "../http1/forwarding.ts";
import { head } from "../http1/head.ts";
import { parseRequest } from "../http1/parse-request.ts";
import { Pending } from "../http1/pending.ts";
import { Http1RequestFacts } from "../http1/request-facts.ts";
import { Draft, out, reserve } from "../http1/slab.ts";
import { ownFields } from "../http1/via.ts";
import type { AnswerStart, ClientSide } from "../sides.ts";
import { framing } from "../sides.ts";
import type { Slotted } from "../slots.ts";
import type { Timed } from "../sweeper.ts";
import type { Traffic } from "../traffic.ts";
import { turnTime } from "../turn.ts";
import { type Code, codes } from "./codes.ts";
import type { Sender, SendingStream } from "./sender.ts";

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly traffic: Traffic;
  readonly forwarding: Forwarding;
  readonly sender: Sender;
  /** Gives the client back what it sent: on the stream, as long as that is open, and on the connection. */
  credit(stream: ClientStream, bytes: number): void;
  /** Tells the client that the stream is broken off. */
  reset(stream: ClientStream, code: Code): void;
  /** Both have said all. */
  ended(stream: ClientStream): void;
}

/** Good within one call of {@link ClientStream.begin} only. */
const draft = new Draft();

/**
 * One request over HTTP/2. Its head is written out as HTTP/1.1 and read by the same strict parser, so that what an instance
 * gets does not depend on how the client came.
 */
export class ClientStream implements ClientSide, SendingStream, Timed, Slotted {
  readonly id: number;
  readonly facts: Http1RequestFacts;
  readonly takesChunks = false;
  readonly #owner: StreamOwner;
  readonly #head: Buffer;
  readonly #headStart: number;
  readonly #headEnd: number;
  #exchange: Exchange | undefined;
  #isOver = false;
  slot = -1;
  previous: Timed | undefined;
  next: Timed | undefined;
  deadline = 0;
  isMoved = false;
  #isWatched = false;

  // The request.
  receiveWindow: number;
  /** Taken from the window and not given back yet. */
  uncredited = 0;
  isRequestWhole: boolean;
  /** Of the body, where a field tells its length; −1 where none does. */
  #bodyLeft = -1;
  #isBodyOpen = false;
  #isPaused = false;
  #isEndTold = false;
  /** What came before the instance takes it: no more than a window. */
  #held: Pending | undefined;
  #requestTrailers = "";

  // The answer.
  sendWindow: number;
  flagAt = -1;
  flagSerial = -1;
  isWaiting = false;
  #isAnswering = false;
  #isAnswerWhole = false;
  #queue: Buffer[] | undefined;
  #queuedBytes = 0;
  #answerTrailers = "";
  #stalledPeriods = 0;

  constructor(
    owner: StreamOwner,
    id: number,
    text: { readonly buffer: Buffer; readonly start: number; readonly end: number },
    windows: { readonly send: number; readonly receive: number },
    isWhole: boolean,
  ) {
    this.#owner = owner;
    this.id = id;
    this.#head = text.buffer;
    this.#headStart = text.start;
    this.#headEnd = text.end;
    this.sendWindow = windows.send;
    this.receiveWindow = windows.receive;
    this.isRequestWhole = isWhole;
    this.facts = new Http1RequestFacts(owner.forwarding);
  }

  /** Its head is read, and it goes its way; what is none is refused at once. */
  begin(): void {
    const { traffic } = this.#owner;
    if (this.#headEnd - this.#headStart > traffic.policy.maxHeadBytes) {
      this.refuse(431);
      return;
    }
    const at = reserve(this.headBytes);
    const isRead = this.#parse(out.buffer, at) && this.facts.take(this.#head);
    if (!isRead || head.expects === 2) {
      this.refuse(isRead ? 417 : head.refusal || 400);
      return;
    }
    const { facts } = this;
    this.#bodyLeft = head.length;
    if (this.isRequestWhole && head.length > 0) {
      this.#owner.reset(this, codes.protocol);
      return;
    }
    facts.startedAt = turnTime();
    if (facts.framing === framing.chunks) facts.framing = framing.stream;
    draft.keep(at, head.out);
    this.#exchange = new Exchange(traffic, this);
    this.#exchange.retire();
    this.#exchange.begin();
    draft.drop();
  }

  /** Without a word to the exchange: it is no request. */
  refuse(status: number): void {
    const { traffic } = this.#owner;
    traffic.finished("H26");
    this.#isAnswering = true;
    const fields = Buffer.from("content-length: 0\r\n", "latin1");
    const { sender } = this.#owner;
    const start = {
      status,
      lineStart: 0,
      fieldsStart: 0,
      fieldsEnd: fields.length,
      length: 0,
      via: "1.1",
      upgrade: "",
    } as const;
    sender.head(this, { ...start, framing: framing.none }, fields, fields.length, true);
    this.#answered();
  }

  // From the client.

  /** A part of the body, lent. */
  received(buf: Buffer, start: number, end: number): void {
    const count = end - start;
    this.facts.expectsContinue = false;
    if (this.#bodyLeft !== -1) {
      this.#bodyLeft -= count;
      if (this.#bodyLeft < 0) {
        this.#owner.credit(this, count);
        this.#owner.reset(this, codes.protocol);
        return;
      }
    }
    if (this.#exchange === undefined) this.#owner.credit(this, count);
    else if (this.#isBodyOpen && !this.#isPaused && this.#held === undefined) {
      this.#owner.credit(this, count);
      this.#exchange.requestData(buf, start, end);
    } else {
      this.#held ??= new Pending();
      this.#held.add(buf, start, end);
    }
  }

  /** `trailers` are field lines. */
  receivedAll(trailers: string): void {
    if (this.#bodyLeft > 0) {
      this.#owner.reset(this, codes.protocol);
      return;
    }
    this.isRequestWhole = true;
    this.#requestTrailers = trailers;
    if (this.#isAnswerWhole && this.#queuedBytes === 0) this.#over();
    else this.#passOn();
  }

  /** Its trailers may not be passed on. */
  receivedBadTrailers(): void {
    this.isRequestWhole = true;
    if (this.#exchange !== undefined) this.#exchange.requestBroken(400);
    else if (this.#isAnswerWhole && this.#queuedBytes === 0) this.#over();
  }

  /** What was held goes on, and the end of the request behind it. */
  #passOn(): void {
    while (this.#held !== undefined && this.#isBodyOpen && !this.#isPaused && this.#exchange !== undefined) {
      const held = this.#held.take();
      this.#held = undefined;
      this.#owner.credit(this, held.length);
      this.#exchange.requestData(held, 0, held.length);
    }
    if (this.#held !== undefined || !this.isRequestWhole || this.#isEndTold || !this.#isBodyOpen) return;
    this.#isEndTold = true;
    this.#exchange?.requestEnd(this.#requestTrailers);
  }

  header(name: string): string | undefined {
    return fieldOf(text(this.#head, this.#headStart, this.#headEnd), name);
  }

  get headBytes(): number {
    return ((this.#headEnd - this.#headStart) * 5) / 4 + 4_096;
  }

  writeHead(buffer: Buffer, at: number): number {
    let fieldsEnd = draft.end;
    if (!draft.standsAt(buffer, at)) {
      this.#parse(buffer, at);
      fieldsEnd = head.out;
    }
    draft.drop();
    const { facts } = this;
    const own = facts.framing;
    // Who speaks HTTP/1.1 to the instance puts the body into chunks.
    if (own === framing.stream) facts.framing = framing.chunks;
    const startMs = this.#owner.traffic.startMs(facts.startedAt);
    const end = facts.writeTail(buffer, fieldsEnd, startMs);
    facts.framing = own;
    return end;
  }

  #parse(buffer: Buffer, at: number): boolean {
    const { maxHeaders } = this.#owner.traffic.policy;
    return parseRequest(this.#head, this.#headStart, this.#headEnd, buffer, at, maxHeaders) === this.#headEnd;
  }

  startBody(): void {
    this.#isBodyOpen = true;
    this.#passOn();
  }

  /** The window of the stream is not opened further: the client itself has to wait. */
  pauseBody(): void {
    this.#isPaused = true;
  }

  resumeBody(): void {
    this.#isPaused = false;
    this.#passOn();
  }

  // The answer.

  inform(answer: AnswerStart, buffer: Buffer): void {
    if (this.#isAnswering || this.#isOver) return;
    if (answer.status === 100) this.facts.expectsContinue = false;
    this.#owner.sender.head(this, answer, buffer, answer.fieldsEnd, false);
  }

  answer(answer: AnswerStart, buffer: Buffer): void {
    if (this.#isOver) return;
    this.#isAnswering = true;
    let o = put(buffer, answer.fieldsEnd, ownFields(answer.via));
    o = this.facts.id.put(buffer, o);
    o = putCrlf(buffer, o);
    this.#owner.sender.head(this, answer, buffer, o, false);
  }

  answerData(from: Buffer, start: number, end: number): boolean {
    if (this.#isOver) return true;
    const p = this.#queuedBytes === 0 ? this.#owner.sender.data(this, from, start, end) : start;
    if (p < end) {
      // What is lent is gone when this returns.
      this.#queue ??= [];
      this.#queue.push(Buffer.from(from.subarray(p, end)));
      this.#queuedBytes += end - p;
      this.#owner.sender.wait(this);
    }
    return this.#queuedBytes === 0;
  }

  answerEnd(trailers: string): void {
    this.#exchange = undefined;
    if (this.#isOver) return;
    this.#answerTrailers = trailers;
    if (this.#queuedBytes > 0) this.#isAnswerWhole = true;
    else this.#endAnswer();
    if (!this.#isOver) this.#watch();
  }

  #endAnswer(): void {
    const { sender } = this.#owner;
    if (this.#answerTrailers === "") sender.end(this);
    else sender.trailers(this, this.#answerTrailers);
    this.#answered();
  }

  /**
   * The answer is out, and perhaps before the request is in: then the client need not send the rest (RFC 9113 §8.1), and
   * what it sends all the same is thrown away for a while.
   */
  #answered(): void {
    this.#isAnswerWhole = true;
    this.deadline = 0;
    this.#dropHeld();
    if (this.isRequestWhole) this.#over();
    else this.#watch();
  }

  flush(): boolean {
    return this.#queuedBytes === 0;
  }

  endTunnel(): void {}

  cut(): void {
    this.#exchange = undefined;
    if (!this.#isOver) this.#owner.reset(this, codes.internal);
  }

  // Waiting for windows.

  sendNext(): boolean {
    const first = this.#queue?.[0];
    if (first === undefined) return false;
    const sent = this.#owner.sender.frame(this, first, 0, first.length);
    if (sent > 0) this.#stalledPeriods = 0;
    this.#queuedBytes -= sent;
    if (sent === first.length) this.#queue?.shift();
    else (this.#queue as Buffer[])[0] = first.subarray(sent);
    return this.#queuedBytes > 0;
  }

  drained(): void {
    if (this.#isAnswerWhole) this.#endAnswer();
    else this.#exchange?.clientDrained();
  }

  // The end.

  /** The stream is closed, from whatever side. */
  gone(): void {
    this.#isOver = true;
    this.#unwatch();
    this.#dropHeld();
    this.#queue = undefined;
    this.#queuedBytes = 0;
    this.#owner.sender.forget(this);
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.clientGone();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#owner.ended(this);
  }

  #dropHeld(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#owner.credit(this, held.length);
  }

  // What is left after its exchange: the client that reads the rest, or sends it.

  timeoutMs(): number {
    const { idleTimeoutMs, lingerMs } = this.#owner.traffic.policy;
    return this.#queuedBytes > 0 ? idleTimeoutMs : lingerMs;
  }

  expired(): void {
    this.deadline = 0;
    this.#stalledPeriods += 1;
    if (this.#queuedBytes === 0) this.#owner.reset(this, codes.none);
    else if (this.#stalledPeriods >= this.#owner.traffic.policy.stalledPeriods) this.#owner.reset(this, codes.cancel);
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#owner.traffic.watch(this);
  }

  #unwatch(): void {
    if (!this.#isWatched) return;
    this.#isWatched = false;
    this.#owner.traffic.unwatch(this);
  }
}
