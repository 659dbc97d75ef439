import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { FailureCode } from "../failures.ts";
import { head } from "../http1/head.ts";
import { parseAnswer } from "../http1/parse-answer.ts";
import { out, reserve } from "../http1/slab.ts";
import { TrailerReader } from "../http1/trailers.ts";
import type { AnswerStart, CallFailure, CallOptions, Framing, InstanceCall, InstanceEvents } from "../sides.ts";
import { framing } from "../sides.ts";
import { codes, flags } from "./codes.ts";
import { type Headers, headersOf, linesOf, type RawHeaders } from "./field-lines.ts";

/** The connection that several requests go over. */
export interface SharedSession {
  readonly http2: ClientHttp2Session;
  /** The request is over. */
  release(call: InstanceStream): void;
  /** It takes no more requests. */
  retire(): void;
}

/** One request to an instance over HTTP/2 without TLS. */
export class InstanceStream implements InstanceCall {
  readonly takesChunks = false;
  readonly hasSentAll = false;
  readonly isReused: boolean;
  readonly #session: SharedSession;
  readonly #limits: { readonly maxHeaders: number };
  readonly #isHead: boolean;
  #events: InstanceEvents | undefined;
  #stream: ClientHttp2Stream | undefined;
  #hasAnswer = false;
  #isWhole = false;
  #trailers = "";
  #requestTrailers = "";
  #isFull = false;

  constructor(
    session: SharedSession,
    options: Pick<CallOptions, "isHead"> & { readonly isReused: boolean; readonly maxHeaders: number },
    events: InstanceEvents,
  ) {
    this.#session = session;
    this.#limits = options;
    this.isReused = options.isReused;
    this.#isHead = options.isHead;
    this.#events = events;
  }

  /** The connection is there. */
  connected(): void {
    this.#events?.connected();
  }

  /** It never came to be. */
  unreachable(code: FailureCode): void {
    this.#fail({ kind: "unsent", code });
  }

  sendHead(buffer: Buffer, start: number, end: number, kind: Framing): void {
    const [line = "", ...lines] = buffer.toString("latin1", start, end).split("\r\n");
    const [method = "", path = ""] = line.split(" ");
    const fields = headersOf(lines.join("\r\n"));
    const { host, expect: _, ...rest } = fields;
    const headers: Headers = {
      ...rest,
      ":method": method,
      ":path": path,
      ":scheme": "http",
      ":authority": String(host ?? ""),
      // Trailers are understood: gRPC asks for this word.
      te: "trailers",
    };
    try {
      const hasBody = kind !== framing.none;
      const stream = this.#session.http2.request(headers, {
        endStream: !hasBody,
        waitForTrailers: kind === framing.stream,
      });
      this.#stream = stream;
      this.#listen(stream);
    } catch {
      // The session ended at this moment, before the request was out.
      this.#session.retire();
      this.#session.release(this);
      queueMicrotask(() => this.#fail({ kind: "stale" }));
    }
  }

  sendData(from: Buffer, start: number, end: number): boolean {
    if (this.#stream?.writable !== true) return true;
    if (!this.#stream.write(from.subarray(start, end))) this.#isFull = true;
    return !this.#isFull;
  }

  sendEnd(trailers: string): void {
    this.#requestTrailers = trailers;
    this.#stream?.end();
  }

  flush(): void {}

  pauseAnswer(): void {
    this.#stream?.pause();
  }

  resumeAnswer(): void {
    this.#stream?.resume();
  }

  cancel(): void {
    this.#events = undefined;
    if (this.#stream === undefined) this.#session.release(this);
    else this.#stream.close(codes.cancel);
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on("error", () => {});
    stream.on("wantTrailers", () => stream.sendTrailers(headersOf(this.#requestTrailers)));
    stream.on("drain", () => {
      if (!this.#isFull) return;
      this.#isFull = false;
      this.#events?.instanceDrained();
    });
    stream.on("headers", (headers, _flag, raw: RawHeaders) => this.#informed(Number(headers[":status"]), raw));
    stream.on("response", (headers, flag, raw: RawHeaders) => {
      this.#answered(Number(headers[":status"]), raw, (flag & flags.endStream) !== 0);
    });
    stream.on("trailers", (_headers, _flag, raw: RawHeaders) => this.#trailed(raw));
    stream.on("data", (chunk: Buffer) => {
      this.#events?.answerData(chunk, 0, chunk.length);
      this.#events?.answerPaused();
    });
    stream.once("end", () => this.#ended());
    stream.once("close", () => this.#closed());
  }

  #informed(status: number, raw: RawHeaders): void {
    const answer = this.#read(status, raw);
    if (answer !== undefined) this.#events?.informed(answer, out.buffer);
  }

  #answered(status: number, raw: RawHeaders, isEnd: boolean): void {
    const answer = this.#read(status, raw);
    if (answer === undefined) return;
    this.#hasAnswer = true;
    const length = Math.max(0, head.length);
    const kind = isEnd || this.#isHead ? framing.none : head.length === -1 ? framing.stream : framing.length;
    this.#events?.answered({ ...answer, framing: kind, length }, out.buffer);
    this.#events?.answerPaused();
  }

  /** As strictly as an answer over HTTP/1.1, and written for such a client. */
  #read(status: number, raw: RawHeaders): AnswerStart | undefined {
    const text = Buffer.from(`HTTP/1.1 ${status} \r\n${linesOf(raw)}\r\n`, "latin1");
    const at = reserve((text.length * 5) / 4 + 4_096);
    if (parseAnswer(text, 0, text.length, out.buffer, at, this.#limits.maxHeaders) !== text.length) {
      this.#broken("H17");
      return undefined;
    }
    const { fieldsStart, out: fieldsEnd } = head;
    return { status, lineStart: at, fieldsStart, fieldsEnd, framing: framing.none, length: 0, via: "2.0", upgrade: "" };
  }

  #trailed(raw: RawHeaders): void {
    const section = Buffer.from(`${linesOf(raw)}\r\n`, "latin1");
    const reader = new TrailerReader();
    if (reader.read(section, 0, section.length) === section.length) this.#trailers = reader.lines;
    else this.#broken("H18");
  }

  #ended(): void {
    if (this.#stream?.rstCode !== codes.none || !this.#hasAnswer) return;
    this.#isWhole = true;
    const events = this.#events;
    this.#events = undefined;
    events?.answerEnd(this.#trailers);
  }

  #closed(): void {
    this.#session.release(this);
    if (this.#isWhole) return;
    if (this.#hasAnswer) this.#fail({ kind: "broken", code: "H18" });
    // Refused streams were not looked at (RFC 9113 §8.7): another connection may be tried.
    else if (this.#stream?.rstCode === codes.refused) {
      this.#session.retire();
      this.#fail({ kind: "stale" });
    } else this.#fail({ kind: "broken", code: "H13" });
  }

  #broken(code: FailureCode): void {
    const events = this.#events;
    this.cancel();
    events?.instanceFailed({ kind: "broken", code });
  }

  #fail(failure: CallFailure): void {
    const events = this.#events;
    this.#events = undefined;
    events?.instanceFailed(failure);
  }
}
