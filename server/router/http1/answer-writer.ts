import type { AnswerStart, Framing } from "../sides.ts";
import { framing } from "../sides.ts";
import { put, putCrlf, putText } from "./bytes.ts";
import type { Http1RequestFacts } from "./request-facts.ts";
import type { Outlet } from "./outlet.ts";
import { trailerBytes } from "./trailers.ts";
import { ownFields } from "./via.ts";

const latin1 = (value: string): Buffer => Buffer.from(value, "latin1");
const closeField = latin1("Connection: close\r\n");
const keepField = latin1("Connection: keep-alive\r\n");
const chunkedField = latin1("Transfer-Encoding: chunked\r\n");
const upgradeField = latin1("Connection: Upgrade\r\nUpgrade: ");
const continueLine = latin1("HTTP/1.1 100 Continue\r\n\r\n");
const lastChunk = latin1("0\r\n");
const crlf = latin1("\r\n");

/** Writes answers to one client: head and what is here of the body as one message in the slab. */
export class AnswerWriter {
  readonly #outlet: Outlet;
  readonly #facts: Http1RequestFacts;
  #framing: Framing = framing.none;

  constructor(outlet: Outlet, facts: Http1RequestFacts) {
    this.#outlet = outlet;
    this.#facts = facts;
  }

  /** Only the end of the connection tells where the body ends. */
  get isEndedByClose(): boolean {
    return this.#framing === framing.stream && this.#facts.minor === 0;
  }

  /** What comes of the body without framing gets it here. */
  get #putsChunks(): boolean {
    return this.#framing === framing.stream && this.#facts.minor === 1;
  }

  /** `100 Continue`. */
  goOn(): void {
    this.#outlet.write(continueLine);
  }

  /** An interim answer. */
  inform(answer: AnswerStart, buffer: Buffer): void {
    if (answer.status === 100) {
      this.goOn();
      return;
    }
    this.#outlet.open(answer.lineStart, putCrlf(buffer, answer.fieldsEnd));
    this.#outlet.flush();
  }

  head(answer: AnswerStart, buffer: Buffer, closes: boolean): void {
    const facts = this.#facts;
    let o = put(buffer, answer.fieldsEnd, ownFields(answer.via));
    o = facts.id.put(buffer, o);
    o = putCrlf(buffer, o);
    this.#framing = answer.framing;
    if (answer.framing === framing.chunks || this.#putsChunks) {
      o = put(buffer, o, chunkedField);
    }
    if (answer.status === 101) {
      this.#framing = framing.none;
      o = put(buffer, o, upgradeField);
      o = putText(buffer, o, answer.upgrade);
      o = putCrlf(buffer, o);
    } else if (closes) o = put(buffer, o, closeField);
    else if (facts.minor === 0) o = put(buffer, o, keepField);
    this.#outlet.open(answer.lineStart, putCrlf(buffer, o));
  }

  /** False when the client is slow. */
  data(from: Buffer, start: number, end: number): boolean {
    const outlet = this.#outlet;
    if (!this.#putsChunks) outlet.add(from, start, end);
    else if (start < end) {
      const size = latin1(`${(end - start).toString(16)}\r\n`);
      outlet.add(size, 0, size.length);
      outlet.add(from, start, end);
      outlet.add(crlf, 0, crlf.length);
    }
    return !outlet.isFull;
  }

  end(trailers: string): void {
    const outlet = this.#outlet;
    if (this.#putsChunks) {
      outlet.add(lastChunk, 0, lastChunk.length);
      const bytes = trailerBytes(trailers);
      outlet.add(bytes, 0, bytes.length);
    }
    outlet.flush();
  }
}
