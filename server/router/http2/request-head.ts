import { isName, put, token } from "../http1/bytes.ts";
import { type Kind, kinds } from "./field-kinds.ts";
import type { FieldSink } from "./hpack-decoder.ts";

const latin1 = (value: string): Buffer => Buffer.from(value, "latin1");
const versionAndHost = latin1(" HTTP/1.1\r\nhost: ");
const version = latin1(" HTTP/1.1");
const chunkedField = latin1("transfer-encoding: chunked\r\n");
const cookieField = latin1("cookie: ");
const crlf = latin1("\r\n");
const trailersWord = latin1("trailers");
const connect = latin1("CONNECT");
const options = latin1("OPTIONS");
/** A field of one block may unfold to this times its bytes, and one from the tables to so many more. */
const unfolding = 2;
const roomOfEntry = 8_192;
const smallBytes = 64;
/** Heads stand one behind the other in pieces of memory: one each would be dear. */
const arenaBytes = 16_384;

/** The text that {@link RequestHead.finish} has made. */
export const headText = { buffer: Buffer.alloc(0), start: 0, end: 0 };
let arena = Buffer.alloc(0);
let arenaAt = 0;

/** {@link RequestHead.finish}: it is no message at all. A status refuses it otherwise. */
export const malformed = -1;

/**
 * Puts a decoded head together as HTTP/1.1, by what RFC 9113 §8.2–8.3 demands of one. It then has to pass the parser of
 * HTTP/1.1, so that what an instance gets does not depend on how the client came.
 */
export class RequestHead implements FieldSink {
  buffer: Buffer = Buffer.alloc(0);
  at = 0;
  #limit = 0;
  #isTrailers = false;
  #isMalformed = false;
  #isTooLarge = false;
  #isHostOdd = false;
  #hasHost = false;
  #hasLength = false;
  /** Where the plain fields begin; −1 before the first. */
  #fieldsStart = -1;
  #methodStart = 0;
  #methodEnd = 0;
  #pathStart = 0;
  #pathEnd = 0;
  #schemeStart = 0;
  #schemeEnd = 0;
  #authorityStart = 0;
  #authorityEnd = 0;
  #cookies: Buffer = Buffer.alloc(0);
  #cookiesEnd = 0;

  /** @param limit bytes of the head: beyond it nothing is kept */
  begin(limit: number, isTrailers: boolean): void {
    const room = (1 + unfolding) * limit + roomOfEntry;
    if (this.buffer.length < room) this.buffer = Buffer.allocUnsafeSlow(room);
    this.at = 0;
    this.#limit = limit;
    this.#isTrailers = isTrailers;
    this.#isMalformed = false;
    this.#isTooLarge = false;
    this.#isHostOdd = false;
    this.#hasHost = false;
    this.#hasLength = false;
    this.#fieldsStart = -1;
    this.#methodEnd = 0;
    this.#pathEnd = 0;
    this.#schemeEnd = 0;
    this.#authorityEnd = 0;
    this.#cookiesEnd = 0;
  }

  take(kind: Kind, isBad: boolean, nameLength: number, end: number): void {
    if (isBad || kind === kinds.forbidden) {
      this.#isMalformed = true;
      return;
    }
    const value = this.at + nameLength + 2;
    if (kind >= kinds.method && kind <= kinds.authority) {
      this.#takePseudo(kind, value, end - 2);
      this.#keep(end);
      return;
    }
    if (this.#fieldsStart === -1) this.#fieldsStart = this.at;
    if (kind === kinds.plain || this.#isTrailers) this.#keep(end);
    else if (kind === kinds.cookie) this.#takeCookie(value, end - 2);
    else if (kind === kinds.host) this.#takeHost(value, end);
    else if (kind === kinds.contentLength) {
      this.#hasLength = true;
      this.#keep(end);
    } else if (kind === kinds.te) {
      const isFine = end - 2 - value === trailersWord.length && isName(this.buffer, value, trailersWord);
      if (!isFine) this.#isMalformed = true;
    }
  }

  /** 0 when it stands in {@link headText}, {@link malformed}, or the status that refuses it. */
  finish(isWhole: boolean): number {
    if (this.#isMalformed || this.#methodEnd === 0) return malformed;
    if (this.#isTooLarge) return 431;
    if (!isToken(this.buffer, this.#methodStart, this.#methodEnd)) return malformed;
    if (this.#isMethod(connect)) return 405;
    // An empty path is none (§8.3.1).
    if (this.#schemeEnd === 0 || this.#pathEnd <= this.#pathStart) return malformed;
    const isPath = this.buffer[this.#pathStart] === 47 || this.#isAsterisk();
    if (!isPath || !this.#isHttp() || this.#isHostOdd) return 400;
    if (this.#authorityEnd <= this.#authorityStart && !this.#hasHost) return 400;
    this.#write(isWhole || this.#hasLength);
    return 0;
  }

  /** The section with its empty line; undefined when it is malformed. */
  finishTrailers(): Buffer | undefined {
    if (this.#isMalformed || this.#isTooLarge) return undefined;
    this.buffer[this.at] = 13;
    this.buffer[this.at + 1] = 10;
    return this.buffer.subarray(0, this.at + 2);
  }

  #takePseudo(kind: Kind, start: number, end: number): void {
    // Once each, and before all others.
    if (this.#isTrailers || this.#fieldsStart !== -1) this.#isMalformed = true;
    if (kind === kinds.method) {
      if (this.#methodEnd !== 0) this.#isMalformed = true;
      this.#methodStart = start;
      this.#methodEnd = end;
    } else if (kind === kinds.path) {
      if (this.#pathEnd !== 0) this.#isMalformed = true;
      this.#pathStart = start;
      this.#pathEnd = end;
    } else if (kind === kinds.scheme) {
      if (this.#schemeEnd !== 0) this.#isMalformed = true;
      this.#schemeStart = start;
      this.#schemeEnd = end;
    } else {
      if (this.#authorityEnd !== 0) this.#isMalformed = true;
      this.#authorityStart = start;
      this.#authorityEnd = end;
    }
  }

  /** Crumbs become one line again (§8.2.3). */
  #takeCookie(start: number, end: number): void {
    let o = this.#cookiesEnd;
    const length = end - start + 2;
    if (o + length > this.#limit) {
      this.#isTooLarge = true;
      return;
    }
    if (this.#cookies.length < o + length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1_024, 2 * (o + length)));
      this.#cookies.copy(grown, 0, 0, o);
      this.#cookies = grown;
    }
    if (o > 0) {
      this.#cookies[o] = 59;
      this.#cookies[o + 1] = 32;
      o += 2;
    }
    this.#cookiesEnd = copy(this.buffer, start, end, this.#cookies, o);
  }

  /** `:authority` and Host say the same (§8.3.1). Two of them the parser refuses. */
  #takeHost(start: number, end: number): void {
    if (this.#hasHost) this.#isHostOdd = true;
    this.#hasHost = true;
    if (this.#authorityEnd <= this.#authorityStart) {
      this.#keep(end);
      return;
    }
    const length = this.#authorityEnd - this.#authorityStart;
    if (end - 2 - start !== length) this.#isHostOdd = true;
    for (let i = 0; i < length; i++) {
      const [one, other] = [this.buffer[start + i] as number, this.buffer[this.#authorityStart + i] as number];
      if (one !== other && (token[one] === 0 || token[one] !== token[other])) this.#isHostOdd = true;
    }
  }

  #keep(end: number): void {
    this.at = end;
    if (end <= this.#limit) return;
    this.#isTooLarge = true;
    this.at = 0;
  }

  #isMethod(name: Uint8Array): boolean {
    if (this.#methodEnd - this.#methodStart !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.buffer[this.#methodStart + i] !== name[i]) return false;
    return true;
  }

  #isAsterisk(): boolean {
    const isOne = this.#pathEnd - this.#pathStart === 1 && this.buffer[this.#pathStart] === 42;
    return isOne && this.#isMethod(options);
  }

  #isHttp(): boolean {
    const { buffer } = this;
    const start = this.#schemeStart;
    const length = this.#schemeEnd - start;
    const isHttp = buffer[start] === 104 && buffer[start + 1] === 116 && buffer[start + 2] === 116;
    return isHttp && buffer[start + 3] === 112 && (length === 4 || (length === 5 && buffer[start + 4] === 115));
  }

  #write(isFramed: boolean): void {
    const { buffer } = this;
    const fieldsStart = this.#fieldsStart === -1 ? this.at : this.#fieldsStart;
    // All that is written comes from there, but for a few words.
    const room = this.at + this.#cookiesEnd + 128;
    if (arenaAt + room > arena.length) {
      arena = Buffer.allocUnsafeSlow(Math.max(arenaBytes, room));
      arenaAt = 0;
    }
    headText.buffer = arena;
    headText.start = arenaAt;
    let o = copy(buffer, this.#methodStart, this.#methodEnd, arena, arenaAt);
    arena[o++] = 32;
    o = copy(buffer, this.#pathStart, this.#pathEnd, arena, o);
    if (this.#authorityEnd > this.#authorityStart) {
      o = put(arena, o, versionAndHost);
      o = copy(buffer, this.#authorityStart, this.#authorityEnd, arena, o);
    } else o = put(arena, o, version);
    o = put(arena, o, crlf);
    o = copy(buffer, fieldsStart, this.at, arena, o);
    if (this.#cookiesEnd > 0) {
      o = put(arena, o, cookieField);
      o = copy(this.#cookies, 0, this.#cookiesEnd, arena, o);
      o = put(arena, o, crlf);
    }
    if (!isFramed) o = put(arena, o, chunkedField);
    headText.end = put(arena, o, crlf);
    arenaAt = headText.end;
  }
}

function isToken(buf: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (token[buf[i] as number] === 0) return false;
  return end > start;
}

function copy(from: Buffer, start: number, end: number, out: Buffer, at: number): number {
  let o = at;
  if (end - start < smallBytes) for (let i = start; i < end; i++) out[o++] = from[i] as number;
  else o += from.copy(out, at, start, end);
  return o;
}
