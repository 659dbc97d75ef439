import { constants, type ServerHttp2Stream } from "node:http2";
import { Exchange } from "../exchange.ts";
import { fieldOf } from "../http1/fields.ts";
import type { Forwarding } from "../http1/forwarding.ts";
import { head } from "../http1/head.ts";
import { parseRequest } from "../http1/parse-request.ts";
import { Http1RequestFacts } from "../http1/request-facts.ts";
import { Draft, out, reserve } from "../http1/slab.ts";
import { TrailerReader } from "../http1/trailers.ts";
import type { AnswerStart, ClientSide } from "../sides.ts";
import { framing } from "../sides.ts";
import type { Traffic } from "../traffic.ts";
import { headersOf, linesOf, pseudoFields, rawOf, type RawHeaders } from "./field-lines.ts";

/**
 * One request over HTTP/2. Its head is written out as HTTP/1.1 and read by the same strict parser, so that what an instance
 * gets does not depend on how the client came.
 */
export class ClientStream implements ClientSide {
  readonly facts: Http1RequestFacts;
  readonly takesChunks = false;
  readonly #stream: ServerHttp2Stream;
  readonly #traffic: Traffic;
  readonly #head: Buffer;
  readonly #isWhole: boolean;
  #exchange: Exchange | undefined;
  #hasLengthField = false;
  #trailers = "";
  #isAnswered = false;
  #isFull = false;
  /** Of the answer's body: not given to the stream yet. */
  #part: Buffer | undefined;
  readonly #draft = new Draft();

  /** Answers the request; a head that is none is refused at once. */
  static serve(
    stream: ServerHttp2Stream,
    raw: RawHeaders,
    flags: number,
    forwarding: Forwarding,
    traffic: Traffic,
  ): ClientStream | undefined {
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const text = headText(raw, isWhole);
    if (typeof text === "number") {
      refuse(stream, text, traffic);
      return undefined;
    }
    const request = new ClientStream(stream, Buffer.from(text, "latin1"), isWhole, forwarding, traffic);
    request.#begin();
    return request;
  }

  private constructor(
    stream: ServerHttp2Stream,
    headBytes: Buffer,
    isWhole: boolean,
    forwarding: Forwarding,
    traffic: Traffic,
  ) {
    this.#stream = stream;
    this.#head = headBytes;
    this.#isWhole = isWhole;
    this.#traffic = traffic;
    this.facts = new Http1RequestFacts(forwarding);
  }

  #begin(): void {
    const { maxHeadBytes } = this.#traffic.policy;
    const at = reserve(this.headBytes);
    if (this.#head.length > maxHeadBytes) {
      refuse(this.#stream, 431, this.#traffic);
      return;
    }
    const isRead = this.#parse(out.buffer, at) && this.facts.take(this.#head);
    if (!isRead || head.expects === 2) {
      refuse(this.#stream, isRead ? 417 : head.refusal || 400, this.#traffic);
      return;
    }
    this.#hasLengthField = head.length !== -1;
    const { facts } = this;
    facts.startedAt = performance.now();
    if (facts.framing === framing.chunks) facts.framing = framing.stream;
    // A length of 0 and yet no end: what comes is the end, or nothing that anybody wants.
    else if (facts.framing === framing.none && !this.#isWhole) this.#stream.resume();
    if (!this.#isWhole) this.#stream.on("trailers", (_headers, _flags, more: RawHeaders) => this.#trailed(more));
    this.#draft.keep(at, head.out);
    const exchange = new Exchange(this.#traffic, this, facts.startedAt);
    this.#exchange = exchange;
    exchange.begin();
    this.#draft.drop();
  }

  #trailed(raw: RawHeaders): void {
    const section = Buffer.from(`${linesOf(raw)}\r\n`, "latin1");
    const reader = new TrailerReader();
    if (reader.read(section, 0, section.length) === section.length) this.#trailers = reader.lines;
    else this.#exchange?.requestBroken(400);
  }

  // The request.

  header(name: string): string | undefined {
    return fieldOf(this.#head.toString("latin1"), name);
  }

  get headBytes(): number {
    return (this.#head.length * 5) / 4 + 4_096;
  }

  writeHead(buffer: Buffer, at: number): number {
    let fieldsEnd = this.#draft.end;
    if (!this.#draft.standsAt(buffer, at)) {
      this.#parse(buffer, at);
      fieldsEnd = head.out;
    }
    this.#draft.drop();
    const { facts } = this;
    const own = facts.framing;
    // Who speaks HTTP/1.1 to the instance puts the body into chunks.
    if (own === framing.stream) facts.framing = framing.chunks;
    const end = facts.writeTail(buffer, fieldsEnd, this.#traffic.startMs(facts.startedAt), this.#hasLengthField);
    facts.framing = own;
    return end;
  }

  #parse(buffer: Buffer, at: number): boolean {
    const { maxHeaders } = this.#traffic.policy;
    return parseRequest(this.#head, 0, this.#head.length, buffer, at, maxHeaders) === this.#head.length;
  }

  startBody(): void {
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => {
      this.facts.expectsContinue = false;
      this.#exchange?.requestData(chunk, 0, chunk.length);
    });
    stream.once("end", () => {
      if (!stream.aborted) this.#exchange?.requestEnd(this.#trailers);
    });
  }

  /** The window of the stream is not opened further: the client itself has to wait. */
  pauseBody(): void {
    this.#stream.pause();
  }

  resumeBody(): void {
    this.#stream.resume();
  }

  // The answer.

  inform(answer: AnswerStart, buffer: Buffer): void {
    if (this.#isAnswered || this.#stream.destroyed) return;
    if (answer.status === 100) this.facts.expectsContinue = false;
    const lines = buffer.toString("latin1", answer.fieldsStart, answer.fieldsEnd);
    this.#stream.additionalHeaders({ ...headersOf(lines), ":status": answer.status });
  }

  answer(answer: AnswerStart, buffer: Buffer): void {
    this.#isAnswered = true;
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const headers = rawOf(buffer.toString("latin1", answer.fieldsStart, answer.fieldsEnd), [
      ":status",
      String(answer.status),
    ]);
    headers.push("via", "1.1 paas", "x-request-id", this.facts.requestId);
    const hasBody = answer.framing !== framing.none;
    try {
      stream.respond(headers, { endStream: !hasBody, waitForTrailers: answer.framing === framing.stream });
    } catch {
      // A field that HTTP/2 allows once only.
      stream.destroy(new Error("the head cannot be said"));
      return;
    }
    if (answer.framing === framing.stream) stream.once("wantTrailers", () => this.#sendTrailers());
  }

  answerData(from: Buffer, start: number, end: number): boolean {
    this.flush();
    if (this.#stream.writableEnded || this.#stream.destroyed) return true;
    // What is lent is gone when this returns. It waits for what comes with it: the last part ends the stream.
    this.#part = Buffer.from(from.subarray(start, end));
    return !this.#isFull;
  }

  answerEnd(trailers: string): void {
    const stream = this.#stream;
    this.#exchange = undefined;
    this.#trailers = trailers;
    if (stream.destroyed) return;
    stream.end(this.#part);
    this.#part = undefined;
    if (this.#isWhole || stream.readableEnded) return;
    // The answer is out before the request is in: the client need not send the rest (RFC 9113 §8.1).
    stream.resume();
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), this.#traffic.policy.lingerMs);
    stream.once("close", () => clearTimeout(timer));
  }

  #sendTrailers(): void {
    if (!this.#stream.destroyed) this.#stream.sendTrailers(headersOf(this.#trailers));
  }

  flush(): boolean {
    const part = this.#part;
    this.#part = undefined;
    if (part === undefined || this.#stream.destroyed || this.#stream.write(part) || this.#isFull) return !this.#isFull;
    this.#isFull = true;
    this.#stream.once("drain", () => {
      this.#isFull = false;
      this.#exchange?.clientDrained();
    });
    return false;
  }

  endTunnel(): void {
    this.#stream.end();
  }

  /** A reset stream is told apart from one that has ended. `close` would end it first: with no length told it would look whole. */
  cut(): void {
    this.#exchange = undefined;
    this.#stream.destroy(new Error("the answer was cut"));
  }

  /** The stream is closed, from whatever side. */
  gone(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.clientGone();
  }
}

/** The head as HTTP/1.1, or the status that refuses it. The library has checked what HTTP/2 itself demands. */
function headText(raw: RawHeaders, isWhole: boolean): string | number {
  const { method, path, scheme, authority } = pseudoFields(raw);
  if (method === "CONNECT") return 405;
  if (path === "" || (scheme !== "https" && scheme !== "http")) return 400;
  if (!path.startsWith("/") && !(path === "*" && method === "OPTIONS")) return 400;
  let host = authority;
  let hasLength = false;
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i] === "content-length") hasLength = true;
    if (raw[i] !== "host") continue;
    const said = raw[i + 1] ?? "";
    if (host === "") host = said;
    if (said.toLowerCase() !== host.toLowerCase()) return 400;
  }
  if (host === "") return 400;
  const coding = isWhole || hasLength ? "" : "transfer-encoding: chunked\r\n";
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${linesOf(raw, isHost)}${coding}\r\n`;
}

function isHost(name: string): boolean {
  return name === "host";
}

function refuse(stream: ServerHttp2Stream, status: number, traffic: Traffic): void {
  traffic.finished("H26");
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ":status": status, "content-length": "0" }, { endStream: true });
  stream.resume();
}
