import { type Failure, failures } from "./failures.ts";
import { put, putText } from "./http1/bytes.ts";
import type { WrittenId } from "./sides.ts";

/** The request, as the log tells of it. */
export interface LoggedRequest {
  readonly method: string;
  readonly targetBytes: Uint8Array;
  readonly targetStart: number;
  readonly targetEnd: number;
  readonly host: string;
  readonly id: WrittenId;
  readonly forwardedFor: string;
  readonly protocol: "http" | "https";
  readonly tlsVersion: string | undefined;
}

/** What became of it. */
export interface LoggedOutcome {
  /** `web.1`; undefined when no instance was chosen. */
  readonly dyno: string | undefined;
  readonly connectMs: number | undefined;
  readonly serviceMs: number | undefined;
  readonly status: number;
  readonly bytes: number | undefined;
  /** A failure, or a policy's word for an answer of its own. */
  readonly code: string | undefined;
}

const latin1 = (value: string): Buffer => Buffer.from(value, "latin1");
const pieces = {
  info: latin1("at=info"),
  at: latin1("at="),
  code: latin1(" code="),
  desc: latin1(' desc="'),
  sock: latin1(" sock="),
  method: latin1(" method="),
  path: latin1(' path="'),
  host: latin1('" host='),
  requestId: latin1(" request_id="),
  fwd: latin1(' fwd="'),
  dyno: latin1('" dyno='),
  connect: latin1(" connect="),
  service: latin1(" service="),
  status: latin1(" status="),
  bytes: latin1(" bytes="),
  protocol: latin1(" protocol="),
  tlsVersion: latin1(" tls_version="),
  ms: latin1("ms"),
  cut: latin1("..."),
};
/** Of all that has no length of its own: names, numbers, the id, a failure's words. */
const fixedBytes = 768;
const maxValueLength = 8_192;
/** `\uXXXX` for a character. */
const maxGrowth = 6;

const quote = 34;
const backslash = 92;
const hex = latin1("0123456789abcdef");

/** Room that {@link putRequestLine} may need. */
export function requestLineRoom(request: LoggedRequest, outcome: LoggedOutcome): number {
  const { method, host, forwardedFor } = request;
  const { dyno = "", code = "" } = outcome;
  const target = request.targetEnd - request.targetStart;
  const given = shown(method.length) + shown(target) + shown(host.length) + shown(forwardedFor.length);
  return fixedBytes + maxGrowth * (given + shown(dyno.length) + shown(code.length));
}

function shown(length: number): number {
  return Math.min(length, maxValueLength);
}

/** Heroku's router line, what follows `heroku[router]: `, in ASCII. No value can end the line or its own quotes. */
export function putRequestLine(out: Uint8Array, at: number, request: LoggedRequest, outcome: LoggedOutcome): number {
  const { code, dyno, bytes } = outcome;
  let o = code === undefined ? put(out, at, pieces.info) : putCause(out, at, code);
  o = putWord(out, put(out, o, pieces.method), request.method);
  o = putTarget(out, put(out, o, pieces.path), request);
  o = putWord(out, put(out, o, pieces.host), request.host);
  o = request.id.put(out, put(out, o, pieces.requestId));
  o = putQuoted(out, put(out, o, pieces.fwd), request.forwardedFor);
  o = put(out, o, pieces.dyno);
  if (dyno !== undefined) o = putWord(out, o, dyno);
  o = putMs(out, put(out, o, pieces.connect), outcome.connectMs);
  o = putMs(out, put(out, o, pieces.service), outcome.serviceMs);
  o = putNumber(out, put(out, o, pieces.status), outcome.status);
  o = put(out, o, pieces.bytes);
  if (bytes !== undefined) o = putNumber(out, o, bytes);
  o = putText(out, put(out, o, pieces.protocol), request.protocol);
  const { tlsVersion } = request;
  return tlsVersion === undefined ? o : putText(out, put(out, o, pieces.tlsVersion), tlsVersion);
}

function putCause(out: Uint8Array, at: number, code: string): number {
  if (!Object.hasOwn(failures, code)) return putWord(out, put(out, put(out, at, pieces.info), pieces.code), code);
  const { level, desc, sock }: Failure = failures[code as keyof typeof failures];
  let o = putText(out, put(out, at, pieces.at), level);
  o = putText(out, put(out, o, pieces.code), code);
  o = putQuoted(out, put(out, o, pieces.desc), desc);
  out[o++] = quote;
  return sock === undefined ? o : putText(out, put(out, o, pieces.sock), sock);
}

function putMs(out: Uint8Array, at: number, value: number | undefined): number {
  if (value === undefined) return at;
  return put(out, putNumber(out, at, Math.max(0, Math.round(value))), pieces.ms);
}

/** A whole number that is not negative. */
function putNumber(out: Uint8Array, at: number, value: number): number {
  if (value > 0x7fffffff) return putText(out, at, String(value));
  let rest = value;
  let digits = 1;
  for (let limit = 10; rest >= limit; limit *= 10) digits += 1;
  for (let o = at + digits - 1; o >= at; o--) {
    const next = Math.trunc(rest / 10);
    out[o] = 48 + rest - next * 10;
    rest = next;
  }
  return at + digits;
}

/** As {@link putQuoted}. */
function putTarget(out: Uint8Array, at: number, { targetBytes, targetStart, targetEnd }: LoggedRequest): number {
  const end = Math.min(targetEnd, targetStart + maxValueLength);
  let o = at;
  for (let i = targetStart; i < end; i++) o = putQuotedChar(out, o, targetBytes[i] as number);
  return end < targetEnd ? put(out, o, pieces.cut) : o;
}

/** A value in quotes: the closing one is another's. */
function putQuoted(out: Uint8Array, at: number, value: string): number {
  const length = Math.min(value.length, maxValueLength);
  let o = at;
  for (let i = 0; i < length; i++) {
    o = putQuotedChar(out, o, value.charCodeAt(i));
  }
  return value.length > maxValueLength ? put(out, o, pieces.cut) : o;
}

function putQuotedChar(out: Uint8Array, at: number, char: number): number {
  if (char < 0x20 || char >= 0x7f) return putEscaped(out, at, char);
  if (char !== quote && char !== backslash) {
    out[at] = char;
    return at + 1;
  }
  out[at] = backslash;
  out[at + 1] = char;
  return at + 2;
}

/** A value without quotes ends at a blank. */
function putWord(out: Uint8Array, at: number, value: string): number {
  const length = Math.min(value.length, maxValueLength);
  let o = at;
  for (let i = 0; i < length; i++) {
    const char = value.charCodeAt(i);
    if (char > 0x20 && char < 0x7f && char !== quote && char !== backslash) out[o++] = char;
    else o = putEscaped(out, o, char);
  }
  return o;
}

/** `\xHH`, or `\uHHHH` for what is no latin1. */
function putEscaped(out: Uint8Array, at: number, char: number): number {
  out[at] = backslash;
  out[at + 1] = char < 256 ? 120 : 117;
  let o = at + 2;
  for (let shift = char < 256 ? 4 : 12; shift >= 0; shift -= 4) out[o++] = hex[(char >> shift) & 15] as number;
  return o;
}
