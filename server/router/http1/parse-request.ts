import { put, targetByte, token } from "./bytes.ts";
import { copyFields, text } from "./fields.ts";
import { head, incomplete, refuse, refused, resetHead } from "./head.ts";

const maxMethodLength = 127;
const version = Buffer.from(" HTTP/1.1\r\n", "latin1");
const hostName = Buffer.from("Host: ", "latin1");
const trailer: ReadonlySet<string> = new Set(["trailer"]);

/**
 * Reads one request head (RFC 9112 §2–6) from `start` and writes request line and fields for an HTTP/1.1 instance to `out` at
 * `at`, in one pass. Never repairs: what two readers could take differently is refused. Answers where the body begins,
 * {@link incomplete} or {@link refused}; registers are in {@link head}. `out` needs a quarter more room than the head has.
 */
export function parseRequest(
  buf: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  maxFields: number,
): number {
  resetHead();
  let p = start;
  let o = at;
  let byte = 0;
  while (p < end && token[(byte = buf[p] as number)] !== 0) {
    out[o++] = byte;
    p += 1;
  }
  if (p - start > maxMethodLength) return refuse(400, "bad method");
  if (p >= end) return incomplete;
  if (byte !== 32 || p === start) return refuse(400, "bad method");
  head.methodStart = start;
  head.methodEnd = p;
  out[o++] = 32;
  p += 1;
  const target = p;
  const targetOut = o;
  while (p < end && targetByte[(byte = buf[p] as number)] === 1) {
    out[o++] = byte;
    p += 1;
  }
  if (p >= end) return incomplete;
  if (byte !== 32 || p === target) return refuse(400, "bad target");
  head.targetStart = target;
  head.targetEnd = p;
  if (p + 11 > end) return incomplete;
  if (!isVersion(buf, p)) return refuseVersion(buf, p);
  head.minor = (buf[p + 8] as number) - 48;
  head.isAbsolute = false;
  head.needsSlash = false;
  if (buf[target] !== 47) {
    o = otherForm(buf, out, targetOut);
    if (o === refused) return refused;
  }
  o = put(out, o, version);
  if (head.isAbsolute) o = ownHost(buf, out, o);
  return finish(buf, p + 11, end, out, o, maxFields);
}

function isVersion(buf: Uint8Array, p: number): boolean {
  // " HTTP/1.", 0 or 1, CR, LF
  if (buf[p + 1] !== 72 || buf[p + 2] !== 84 || buf[p + 3] !== 84 || buf[p + 4] !== 80 || buf[p + 5] !== 47)
    return false;
  if (buf[p + 6] !== 49 || buf[p + 7] !== 46 || buf[p + 9] !== 13 || buf[p + 10] !== 10) return false;
  return buf[p + 8] === 48 || buf[p + 8] === 49;
}

function refuseVersion(buf: Uint8Array, p: number): typeof refused {
  const isOther = /^ HTTP\/\d\.\d\r\n$/.test(text(buf, p, p + 11));
  return isOther ? refuse(505, "HTTP version") : refuse(400, "bad request line");
}

function finish(buf: Uint8Array, fields: number, end: number, out: Uint8Array, o: number, max: number): number {
  head.fieldsStart = o;
  let body = copyFields(buf, fields, end, out, o, true, max, undefined);
  if (body <= 0) return body;
  if (head.isChunked && head.length !== -1) return refuse(400, "both lengths");
  if (head.isChunked && head.minor === 0) return refuse(400, "transfer coding in HTTP/1.0");
  if (!head.hasHost && !(head.isAbsolute && head.minor === 0)) return refuse(400, "no Host");
  const { nominated } = head;
  const losesTrailer = head.hasTrailer && !head.isChunked;
  if (nominated !== undefined || losesTrailer) {
    if (losesTrailer) nominated?.add("trailer");
    const without = nominated ?? trailer;
    resetFraming();
    body = copyFields(buf, fields, end, out, o, true, max, without);
  }
  return body;
}

/** For the second pass over the same fields. */
function resetFraming(): void {
  head.length = -1;
  head.isChunked = false;
  head.hasHost = false;
  head.fields = 0;
  head.expects = 0;
  head.ids = 0;
  head.upgradeStart = 0;
  head.forwardedForEnd = 0;
  head.forwardedForMore = undefined;
}

/** `*` of OPTIONS, or an absolute target, whose host wins over the field (RFC 9112 §3.2.2, §3.2.4). */
function otherForm(buf: Uint8Array, out: Uint8Array, targetOut: number): number {
  const { targetStart, targetEnd } = head;
  const target = text(buf, targetStart, targetEnd);
  const method = text(buf, head.methodStart, head.methodEnd);
  if (target === "*" && method === "OPTIONS") return targetOut + 1;
  if (method === "CONNECT") return refuse(405, "CONNECT");
  const [, scheme = "", authority] = /^(https?:\/\/)([^/?@]+)/i.exec(target) ?? [];
  if (authority === undefined || target[scheme.length + authority.length] === "@") return refuse(400, "bad target");
  head.isAbsolute = true;
  head.hostStart = targetStart + scheme.length;
  head.hostEnd = head.hostStart + authority.length;
  head.targetStart = head.hostEnd;
  head.needsSlash = buf[head.targetStart] !== 47;
  let o = targetOut;
  if (head.needsSlash) out[o++] = 47;
  return put(out, o, buf.subarray(head.targetStart, targetEnd));
}

function ownHost(buf: Uint8Array, out: Uint8Array, at: number): number {
  let o = put(out, at, hostName);
  o = put(out, o, buf.subarray(head.hostStart, head.hostEnd));
  out[o] = 13;
  out[o + 1] = 10;
  return o + 2;
}
