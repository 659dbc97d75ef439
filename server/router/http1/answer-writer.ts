import type { Socket } from "node:net";
import type { AnswerStart, Framing } from "../sides.ts";
import { framing } from "../sides.ts";
import { put, putCrlf, putText } from "./bytes.ts";
import type { Http1RequestFacts } from "./request-facts.ts";
import { isTaking, keepOpen, out, reserve, roomAfter, send } from "./slab.ts";
import { trailerBytes } from "./trailers.ts";
import { ownFields } from "./via.ts";

const latin1 = (value: string): Buffer => Buffer.from(value, "latin1");
const closeField = latin1("Connection: close\r\n");
const keepField = latin1("Connection: keep-alive\r\n");
const chunkedField = latin1("Transfer-Encoding: chunked\r\n");
const upgradeField = latin1("Connection: Upgrade\r\nUpgrade: ");
const lastChunk = latin1("0\r\n");
const crlf = latin1("\r\n");
const smallBytes = 64;

/** Writes answers to one client: head and what is here of the body as one message in the slab. */
export class AnswerWriter {
  readonly #socket: Socket;
  readonly #isPlain: boolean;
  readonly #facts: Http1RequestFacts;
  #framing: Framing = framing.none;
  /** A message that stands in the slab and is not sent yet. */
  #openStart = -1;
  #openEnd = 0;
  #isFull = false;

  constructor(socket: Socket, isPlain: boolean, facts: Http1RequestFacts) {
    this.#socket = socket;
    this.#isPlain = isPlain;
    this.#facts = facts;
  }

  /** Only the end of the connection tells where the body ends. */
  get isEndedByClose(): boolean {
    return this.#framing === framing.stream && this.#facts.minor === 0;
  }

  head(answer: AnswerStart, buffer: Buffer, closes: boolean): void {
    const facts = this.#facts;
    let o = put(buffer, answer.fieldsEnd, ownFields(answer.via));
    o = facts.id.put(buffer, o);
    o = putCrlf(buffer, o);
    this.#framing = answer.framing;
    if (answer.framing === framing.chunks || (answer.framing === framing.stream && facts.minor === 1)) {
      o = put(buffer, o, chunkedField);
    }
    if (answer.status === 101) {
      this.#framing = framing.none;
      o = put(buffer, o, upgradeField);
      o = putText(buffer, o, answer.upgrade);
      o = putCrlf(buffer, o);
    } else if (closes) o = put(buffer, o, closeField);
    else if (facts.minor === 0) o = put(buffer, o, keepField);
    keepOpen(this);
    this.#openStart = answer.lineStart;
    this.#openEnd = putCrlf(buffer, o);
  }

  data(from: Buffer, start: number, end: number): boolean {
    if (this.#framing !== framing.stream || this.#facts.minor === 0) return this.#gather(from, start, end);
    if (start === end) return !this.#isFull;
    const size = latin1(`${(end - start).toString(16)}\r\n`);
    this.#gather(size, 0, size.length);
    this.#gather(from, start, end);
    return this.#gather(crlf, 0, crlf.length);
  }

  end(trailers: string): void {
    if (this.#framing === framing.stream && this.#facts.minor === 1) {
      this.#gather(lastChunk, 0, lastChunk.length);
      const bytes = trailerBytes(trailers);
      this.#gather(bytes, 0, bytes.length);
    }
    this.flush();
  }

  /** False when the client is slow. */
  flush(): boolean {
    if (this.#openStart !== -1) {
      const start = this.#openStart;
      this.#openStart = -1;
      if (!send(this.#socket, this.#isPlain, start, this.#openEnd)) this.#isFull = true;
    }
    return !this.#isFull;
  }

  /** The client is slow: no more until {@link drained}. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** What is not sent yet is not sent any more. */
  drop(): void {
    this.#openStart = -1;
  }

  /** The socket has room again; true when that is news. */
  drained(): boolean {
    if (!this.#isFull || !isTaking(this.#socket)) return false;
    this.#isFull = false;
    return true;
  }

  #gather(from: Buffer, start: number, end: number): boolean {
    const count = end - start;
    if (this.#openStart !== -1 && count > roomAfter(this.#openEnd)) this.flush();
    if (this.#openStart === -1) {
      this.#openStart = reserve(count + smallBytes);
      this.#openEnd = this.#openStart;
      keepOpen(this);
    }
    // A call into native code costs more than a few bytes.
    if (count < smallBytes) for (let i = 0; i < count; i++) out.buffer[this.#openEnd + i] = from[start + i] as number;
    else from.copy(out.buffer, this.#openEnd, start, end);
    this.#openEnd += count;
    return !this.#isFull;
  }
}
