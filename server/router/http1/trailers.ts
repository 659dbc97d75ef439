import { copyFields, text } from "./fields.ts";
import { head, resetHead } from "./head.ts";

const maxBytes = 16_384;
const maxFields = 100;
const crlf = Buffer.from("\r\n", "latin1");

/** Those that decide framing, routing or authorisation, and those of one connection only. */
const forbidden: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-request-id",
  "x-request-start",
]);

const framingName = /^(?:content[-_]length|transfer[-_]encoding)[ \t]*:/im;

/** Gathers the trailer section of one chunked body. */
export class TrailerReader {
  #gathered: Buffer = Buffer.alloc(0);
  /** Field lines that may be passed on, once {@link read} has answered. */
  lines = "";

  /** Where the message ends; −1 when it is broken, −2 when more has to come. */
  read(buf: Buffer, start: number, end: number): number {
    if (this.#gathered.length === 0 && buf[start] === 13 && start + 1 < end && buf[start + 1] === 10) {
      this.lines = "";
      return start + 2;
    }
    const before = this.#gathered.length;
    const all = Buffer.concat([this.#gathered, buf.subarray(start, Math.min(end, start + maxBytes + 1))]);
    const length = sectionLength(all, before);
    if (length === -1) {
      this.#gathered = all;
      return all.length > maxBytes ? -1 : -2;
    }
    this.#gathered = Buffer.alloc(0);
    if (length > maxBytes) return -1;
    const lines = checked(all, length);
    if (lines === undefined) return -1;
    this.lines = lines;
    return start + length - before;
  }

  reset(): void {
    this.#gathered = Buffer.alloc(0);
  }
}

/** With the empty line; −1 when that is not here yet. */
function sectionLength(all: Buffer, known: number): number {
  if (all.length >= 2 && all[0] === 13 && all[1] === 10) return 2;
  const at = all.indexOf("\n\r\n", Math.max(0, known - 2), "latin1");
  return at === -1 ? -1 : at + 3;
}

function checked(section: Buffer, length: number): string | undefined {
  if (framingName.test(text(section, 0, length))) return undefined;
  const out = Buffer.allocUnsafe(length * 2);
  resetHead();
  const end = copyFields(section, 0, length, out, 0, undefined, maxFields, forbidden);
  return end === length ? text(out, 0, head.out) : undefined;
}

export function trailerBytes(lines: string): Buffer {
  return lines === "" ? crlf : Buffer.from(`${lines}\r\n`, "latin1");
}
