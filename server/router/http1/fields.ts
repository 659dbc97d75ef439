import { isFolded, isName, token, trimEnd, valueByte } from "./bytes.ts";
import { head, incomplete, refuse, refused } from "./head.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

const names = {
  te: bytes("te"),
  host: bytes("host"),
  proxy: bytes("proxy"),
  expect: bytes("expect"),
  upgrade: bytes("upgrade"),
  trailer: bytes("trailer"),
  forwarded: bytes("forwarded"),
  connection: bytes("connection"),
  keepAlive: bytes("keep-alive"),
  requestId: bytes("x-request-id"),
  contentLength: bytes("content-length"),
  forwardedFor: bytes("x-forwarded-for"),
  requestStart: bytes("x-request-start"),
  forwardedHost: bytes("x-forwarded-host"),
  forwardedPort: bytes("x-forwarded-port"),
  proxyConnection: bytes("proxy-connection"),
  forwardedProto: bytes("x-forwarded-proto"),
  transferEncoding: bytes("transfer-encoding"),
  proxyAuthenticate: bytes("proxy-authenticate"),
  proxyAuthorization: bytes("proxy-authorization"),
  paasInstance: bytes("x-paas-instance"),
  appInstance: bytes("x-cf-app-instance"),
  processInstance: bytes("x-cf-process-instance"),
  vcapRequestId: bytes("x-vcap-request-id"),
  cfInstanceId: bytes("x-cf-instanceid"),
  cfInstanceIndex: bytes("x-cf-instanceindex"),
  cfApplicationId: bytes("x-cf-applicationid"),
  clientCertificate: bytes("x-forwarded-client-cert"),
};
const values = {
  chunked: bytes("chunked"),
  close: bytes("close"),
  keepAlive: bytes("keep-alive"),
  upgrade: bytes("upgrade"),
  continue: bytes("100-continue"),
};

/** What `Connection` may not take away: it would change where a message goes or where it ends. */
const neverNominated = new Set(["host", "content-length", "transfer-encoding", "date", "expect"]);

/**
 * Checks the field lines from `p` to the empty line and copies those that go further to `out` at `o`: no hop-by-hop
 * field, none that the router writes itself. Registers are in {@link head}. Answers where the body begins.
 */
export function copyFields(
  buf: Uint8Array,
  from: number,
  end: number,
  out: Uint8Array,
  to: number,
  /** Undefined for trailers, in which no field has a meaning of its own. */
  isRequest: boolean | undefined,
  maxFields: number,
  without: ReadonlySet<string> | undefined,
): number {
  let p = from;
  let o = to;
  for (;;) {
    if (p + 1 >= end) return incomplete;
    let byte = buf[p] as number;
    if (byte === 13) {
      if (buf[p + 1] !== 10) return refuse(400, "bare CR");
      head.out = o;
      return p + 2;
    }
    if (++head.fields > maxFields) return refuse(431, "too many fields");
    const lineStart = o;
    const name = p;
    while (p < end && token[(byte = buf[p] as number)] !== 0) {
      out[o++] = byte;
      p += 1;
    }
    if (p >= end) return incomplete;
    // A folded line, a blank before the colon, an empty name, a control character.
    if (byte !== 58 || p === name) return refuse(400, "bad field name");
    const nameLength = p - name;
    out[o++] = 58;
    out[o++] = 32;
    p += 1;
    while (p < end && ((byte = buf[p] as number) === 32 || byte === 9)) p += 1;
    const value = p;
    while (p < end && valueByte[(byte = buf[p] as number)] === 1) {
      out[o++] = byte;
      p += 1;
    }
    if (p + 1 >= end) return incomplete;
    if (byte !== 13 || buf[p + 1] !== 10) return refuse(400, "bad field value");
    const verdict = verdictOn(isRequest, buf, name, nameLength, value, p);
    if (verdict === refused) return refused;
    p += 2;
    if (verdict === drop || (without !== undefined && without.has(lower(buf, name, name + nameLength)))) {
      o = lineStart;
      continue;
    }
    out[o] = 13;
    out[o + 1] = 10;
    o += 2;
  }
}

const keep = 0;
const drop = 1;
type FieldVerdict = typeof keep | typeof drop | typeof refused;

function verdictOn(
  isRequest: boolean | undefined,
  buf: Uint8Array,
  name: number,
  length: number,
  value: number,
  end: number,
): FieldVerdict {
  if (isRequest === undefined) return keep;
  return isRequest ? requestField(buf, name, length, value, end) : answerField(buf, name, length, value, end);
}

function requestField(buf: Uint8Array, name: number, length: number, value: number, end: number): FieldVerdict {
  const first = token[buf[name] as number];
  switch (length) {
    case 2:
      return first === 116 && isName(buf, name, names.te) ? drop : keep;
    case 4:
      return first === 104 && isName(buf, name, names.host) ? hostField(buf, value, end) : keep;
    case 5:
      // httpoxy: CGI-like servers make HTTP_PROXY of it.
      return first === 112 && isName(buf, name, names.proxy) ? drop : keep;
    case 6:
      if (first === 101 && isName(buf, name, names.expect)) expectField(buf, value, end);
      return keep;
    case 7:
      return sevenLetters(buf, name, first, value, end);
    case 9:
      return first === 102 && isName(buf, name, names.forwarded) ? drop : keep;
    case 10:
      return tenLetters(buf, name, first, value, end);
    case 12:
      return first === 120 && isFolded(buf, name, names.requestId) ? idField(value, end) : keep;
    case 14:
      return first === 99 && isFolded(buf, name, names.contentLength) ? lengthField(buf, name, value, end) : keep;
    case 15:
      return fifteenLetters(buf, name, first, value, end);
    case 16:
      return sixteenLetters(buf, name, first, value, end);
    case 17:
      if (first === 116 && isFolded(buf, name, names.transferEncoding)) return codingField(buf, name, value, end, 501);
      if (first !== 120) return keep;
      if (isName(buf, name, names.appInstance)) head.namesInstance = true;
      if (isFolded(buf, name, names.vcapRequestId)) return drop;
      if (!isFolded(buf, name, names.forwardedProto)) return keep;
      head.protoStart = value;
      head.protoEnd = trimEnd(buf, value, end);
      return drop;
    case 18:
      if (first === 120)
        return isFolded(buf, name, names.cfApplicationId) || isFolded(buf, name, names.cfInstanceIndex) ? drop : keep;
      return first === 112 && isName(buf, name, names.proxyAuthenticate) ? drop : keep;
    case 19:
      return first === 112 && isName(buf, name, names.proxyAuthorization) ? drop : keep;
    case 21:
      if (first === 120 && isName(buf, name, names.processInstance)) head.namesInstance = true;
      return keep;
    case 23:
      if (first !== 120 || !isFolded(buf, name, names.clientCertificate)) return keep;
      head.clientCertStart = value;
      head.clientCertEnd = trimEnd(buf, value, end);
      return drop;
    default:
      return keep;
  }
}

function answerField(buf: Uint8Array, name: number, length: number, value: number, end: number): FieldVerdict {
  const first = token[buf[name] as number];
  switch (length) {
    case 2:
      return first === 116 && isName(buf, name, names.te) ? drop : keep;
    case 7:
      return sevenLetters(buf, name, first, value, end);
    case 10:
      return tenLetters(buf, name, first, value, end);
    case 12:
      return first === 120 && isName(buf, name, names.requestId) ? drop : keep;
    case 14:
      return first === 99 && isName(buf, name, names.contentLength) ? lengthField(buf, name, value, end) : keep;
    case 16:
      return first === 112 && isName(buf, name, names.proxyConnection) ? drop : keep;
    case 17:
      return first === 116 && isName(buf, name, names.transferEncoding)
        ? codingField(buf, name, value, end, 502)
        : keep;
    case 18:
      return first === 112 && isName(buf, name, names.proxyAuthenticate) ? drop : keep;
    default:
      return keep;
  }
}

function sevenLetters(buf: Uint8Array, name: number, first: number | undefined, value: number, end: number) {
  if (first === 117 && isName(buf, name, names.upgrade)) {
    // Two offers: neither is taken.
    const isSecond = head.upgradeStart !== 0;
    head.upgradeStart = value;
    head.upgradeEnd = isSecond ? value : trimEnd(buf, value, end);
    return drop;
  }
  if (first === 116 && isName(buf, name, names.trailer)) head.hasTrailer = true;
  return keep;
}

function tenLetters(buf: Uint8Array, name: number, first: number | undefined, value: number, end: number) {
  if (first === 99 && isName(buf, name, names.connection)) return connectionField(buf, value, end);
  if (first !== 107 || !isName(buf, name, names.keepAlive)) return keep;
  head.keepAliveSeconds = keepAliveTimeout(buf, value, end);
  return drop;
}

function fifteenLetters(buf: Uint8Array, name: number, first: number | undefined, value: number, end: number) {
  if (first !== 120) return keep;
  if (isFolded(buf, name, names.requestStart) || isFolded(buf, name, names.cfInstanceId)) return drop;
  if (isName(buf, name, names.paasInstance)) head.namesInstance = true;
  if (!isFolded(buf, name, names.forwardedFor)) return keep;
  const last = trimEnd(buf, value, end);
  if (last === value) return drop;
  if (head.forwardedForEnd === 0) {
    head.forwardedForStart = value;
    head.forwardedForEnd = last;
  } else {
    head.forwardedForMore ??= [];
    head.forwardedForMore.push(value, last);
  }
  return drop;
}

function sixteenLetters(buf: Uint8Array, name: number, first: number | undefined, value: number, end: number) {
  if (first === 112) return isName(buf, name, names.proxyConnection) ? drop : keep;
  if (first !== 120) return keep;
  if (isFolded(buf, name, names.forwardedPort)) return drop;
  if (!isFolded(buf, name, names.forwardedHost)) return keep;
  head.forwardedHostStart = value;
  head.forwardedHostEnd = trimEnd(buf, value, end);
  return drop;
}

function hostField(buf: Uint8Array, value: number, end: number): FieldVerdict {
  if (head.hasHost) return refuse(400, "two Hosts");
  const last = trimEnd(buf, value, end);
  if (last === value) return refuse(400, "empty Host");
  head.hasHost = true;
  if (head.isAbsolute) return drop;
  head.hostStart = value;
  head.hostEnd = last;
  return keep;
}

function expectField(buf: Uint8Array, value: number, end: number): void {
  const last = trimEnd(buf, value, end);
  const isContinue = last - value === values.continue.length && isName(buf, value, values.continue);
  head.expects = head.expects === 0 && isContinue ? 1 : 2;
}

function idField(value: number, end: number): FieldVerdict {
  head.ids += 1;
  head.idStart = value;
  head.idEnd = end;
  return drop;
}

/** Digits, once (RFC 9112 §6.3). Written with `_` it would be another length to many applications. */
function lengthField(buf: Uint8Array, name: number, value: number, end: number): FieldVerdict {
  const last = trimEnd(buf, value, end);
  const isOdd = head.length !== -1 || last === value || last - value > 15 || buf[name + 7] !== 45;
  if (isOdd) return refuse(400, "bad Content-Length");
  let length = 0;
  for (let i = value; i < last; i++) {
    const digit = (buf[i] as number) - 48;
    if (digit < 0 || digit > 9) return refuse(400, "bad Content-Length");
    length = length * 10 + digit;
  }
  head.length = length;
  return keep;
}

/**
 * `chunked` alone: another coding could not be passed on, and would hide where the body ends. Nor with a tab behind it,
 * which is white space to the RFC and part of the name to some parsers.
 */
function codingField(buf: Uint8Array, name: number, value: number, end: number, status: number): FieldVerdict {
  const last = trimEnd(buf, value, end);
  const isChunked = last - value === values.chunked.length && isName(buf, value, values.chunked);
  const hasTab = buf.subarray(last, end).includes(9);
  if (head.isChunked || !isChunked || hasTab || buf[name + 8] !== 45) return refuse(status, "transfer coding");
  head.isChunked = true;
  return drop;
}

/** Members of `Connection`: what they name goes no further (RFC 9110 §7.6.1). */
function connectionField(buf: Uint8Array, value: number, end: number): FieldVerdict {
  let p = value;
  while (p < end) {
    while (p < end && (buf[p] === 32 || buf[p] === 9 || buf[p] === 44)) p += 1;
    const start = p;
    while (p < end && token[buf[p] as number] !== 0) p += 1;
    const length = p - start;
    while (p < end && (buf[p] === 32 || buf[p] === 9)) p += 1;
    if (p < end && buf[p] !== 44) return refuse(400, "bad Connection");
    if (length === 5 && isName(buf, start, values.close)) head.closes = true;
    else if (length === 10 && isName(buf, start, values.keepAlive)) head.keepsAlive = true;
    else if (length === 7 && isName(buf, start, values.upgrade)) head.wantsUpgrade = true;
    else if (length > 0) nominate(lower(buf, start, start + length));
  }
  return drop;
}

function nominate(name: string): void {
  if (neverNominated.has(name)) return;
  head.nominated ??= new Set();
  head.nominated.add(name);
}

function keepAliveTimeout(buf: Uint8Array, value: number, end: number): number {
  const found = /(?:^|[,\s])timeout=(\d{1,6})(?:$|[,\s])/i.exec(text(buf, value, end));
  return found === null ? -1 : Number(found[1]);
}

/** The bytes as a string, a character each. */
export function text(buf: Uint8Array, start: number, end: number): string {
  return (buf as Buffer).toString("latin1", start, end);
}

/** All lines of a field in the text of a head joined by `, `; `name` in lower case. Slow. */
export function fieldOf(headText: string, name: string): string | undefined {
  const lines = headText.split("\r\n").slice(1);
  const values = lines
    .filter((line) => line !== "" && line.slice(0, line.indexOf(":")).toLowerCase() === name)
    .map((line) => line.slice(line.indexOf(":") + 1).trim());
  return values.length === 0 ? undefined : values.join(", ");
}

function lower(buf: Uint8Array, start: number, end: number): string {
  return text(buf, start, end).toLowerCase();
}
