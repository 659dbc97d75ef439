import { put, valueByte } from "./bytes.ts";
import { copyFields } from "./fields.ts";
import { head, incomplete, refuse, resetHead } from "./head.ts";

const trailer: ReadonlySet<string> = new Set(["trailer"]);
const contentLength: ReadonlySet<string> = new Set(["content-length", "trailer"]);
const protocol = Buffer.from("HTTP/1.1 ", "latin1");

/**
 * Reads the head of an instance's answer and writes it for an HTTP/1.1 client, as {@link parseRequest} does for requests and
 * just as strictly. `out` gets the status line too; the fields begin at `head.fieldsStart`.
 */
export function parseAnswer(
  buf: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  maxFields: number,
): number {
  resetHead();
  for (let i = 0; i < 7 && start + i < end; i++) {
    if (buf[start + i] !== protocol[i]) return refuse(502, "no HTTP");
  }
  if (end - start < 14) return incomplete;
  const minor = (buf[start + 7] as number) - 48;
  if ((minor !== 0 && minor !== 1) || buf[start + 8] !== 32) return refuse(502, "HTTP version");
  head.minor = minor;
  const status = statusAt(buf, start + 9);
  if (status < 100) return refuse(502, "bad status");
  head.status = status;
  let p = start + 12;
  // The blank before an empty reason is often left out.
  if (buf[p] === 32) p += 1;
  else if (buf[p] !== 13) return refuse(502, "bad status");
  let o = put(out, at, protocol);
  for (let i = 9; i < 12; i++) out[o++] = buf[start + i] as number;
  out[o++] = 32;
  head.reasonStart = p;
  let byte = 0;
  while (p < end && valueByte[(byte = buf[p] as number)] === 1) {
    out[o++] = byte;
    p += 1;
  }
  if (p + 1 >= end) return incomplete;
  if (byte !== 13 || buf[p + 1] !== 10) return refuse(502, "bad reason");
  head.reasonEnd = p;
  out[o] = 13;
  out[o + 1] = 10;
  return finish(buf, p + 2, end, out, o + 2, maxFields);
}

function statusAt(buf: Uint8Array, p: number): number {
  const a = buf[p] as number;
  const b = buf[p + 1] as number;
  const c = buf[p + 2] as number;
  if (a < 48 || a > 57 || b < 48 || b > 57 || c < 48 || c > 57) return 0;
  return (a - 48) * 100 + (b - 48) * 10 + (c - 48);
}

function finish(buf: Uint8Array, fields: number, end: number, out: Uint8Array, o: number, max: number): number {
  head.fieldsStart = o;
  let body = copyFields(buf, fields, end, out, o, false, max, undefined);
  if (body <= 0) return body;
  if (head.isChunked && head.length !== -1) return refuse(502, "both lengths");
  if (head.isChunked && head.minor === 0) return refuse(502, "transfer coding in HTTP/1.0");
  // RFC 9112 §6.3: it ends with its head, but there are readers that would look for the body.
  if (head.status < 200 && (head.isChunked || head.length > 0)) return refuse(502, "interim answer with a body");
  const { nominated } = head;
  // RFC 9110 §8.6: there is no length where there can be no body.
  const hasNoLength = head.length !== -1 && (head.status < 200 || head.status === 204);
  const losesTrailer = head.hasTrailer && !head.isChunked;
  if (nominated === undefined && !hasNoLength && !losesTrailer) return body;
  const without = new Set(nominated);
  for (const name of hasNoLength ? contentLength : trailer) if (hasNoLength || losesTrailer) without.add(name);
  head.length = -1;
  head.isChunked = false;
  head.fields = 0;
  head.upgradeStart = 0;
  body = copyFields(buf, fields, end, out, o, false, max, without);
  if (hasNoLength) head.length = -1;
  return body;
}
