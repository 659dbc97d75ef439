import { isWithoutBody } from "../methods.ts";
import type { Framing, RequestFacts } from "../sides.ts";
import { framing } from "../sides.ts";
import { put, putCrlf, putText } from "./bytes.ts";
import { text } from "./fields.ts";
import type { AskedHost, Forwarding } from "./forwarding.ts";
import { head } from "./head.ts";
import { RequestId } from "./request-id.ts";

const empty = Buffer.alloc(0);
const latin1 = (value: string): Buffer => Buffer.from(value, "latin1");
const forwardedForName = latin1("X-Forwarded-For: ");
const forwardedName = latin1("\r\nForwarded: for=");
/** The same id by the name that Cloud Foundry's apps look for. */
const vcapIdName = latin1("\r\nX-Vcap-Request-Id: ");
const clientCertName = latin1("\r\nX-Forwarded-Client-Cert: ");
const startName = latin1("\r\nX-Request-Start: ");
const emptyBody = latin1("Content-Length: 0\r\n");
const chunked = latin1("Transfer-Encoding: chunked\r\n");
const upgradeName = latin1("Connection: Upgrade\r\nUpgrade: ");

const commonMethods = ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE"] as const;
const methodByFirstByte = new Map(commonMethods.map((method) => [method.charCodeAt(0) * 16 + method.length, method]));

const noHost: AskedHost = { authority: "", host: "", protocol: "http", fields: empty };

/** What is known of the request under way on one connection to a client. Written anew for each request. */
export class Http1RequestFacts implements RequestFacts {
  method = "";
  forwardedFor = "";
  clientAddress: string;
  framing: Framing = framing.none;
  length = 0;
  /** The length of a body is told by a field; `head.length` is another request's by then. */
  #hasLengthField = false;
  expectsContinue = false;
  upgrade = "";
  namesInstance = false;
  minor = 1;
  startedAt = 0;
  targetBytes: Buffer = empty;
  targetStart = 0;
  targetEnd = 0;
  readonly id = new RequestId();
  readonly tlsVersion: string | undefined;
  readonly #forwarding: Forwarding;
  #host = noHost;
  /** What a trusted proxy says of the client's certificate: nobody else can have checked one. */
  #clientCert = "";

  constructor(forwarding: Forwarding) {
    this.#forwarding = forwarding;
    this.clientAddress = forwarding.clientAddress;
    this.tlsVersion = forwarding.tlsVersion;
  }

  get authority(): string {
    return this.#host.authority;
  }

  get host(): string {
    return this.#host.host;
  }

  get protocol(): "http" | "https" {
    return this.#host.protocol;
  }

  /** Takes over what {@link head} says of the head in `buf`. False when its Host is none. */
  take(buf: Buffer): boolean {
    this.method = methodAt(buf, head.methodStart, head.methodEnd);
    this.#takeTarget(buf);
    this.minor = head.minor;
    this.#takeId(buf);
    if (head.isChunked) this.framing = framing.chunks;
    else this.framing = head.length > 0 ? framing.length : framing.none;
    this.length = Math.max(0, head.length);
    this.#hasLengthField = head.length !== -1;
    this.expectsContinue = head.expects === 1 && this.framing !== framing.none && head.minor === 1;
    this.upgrade = this.#upgradeOf(buf);
    this.namesInstance = head.namesInstance;
    const { isTrusted, clientAddress } = this.#forwarding;
    if (isTrusted)
      this.#clientCert = head.clientCertEnd === 0 ? "" : text(buf, head.clientCertStart, head.clientCertEnd);
    if (head.forwardedForEnd === 0 && !isTrusted) this.forwardedFor = clientAddress;
    else this.#takeChain(buf);
    const host = this.#forwarding.host(buf);
    if (host !== undefined) this.#host = host;
    return host !== undefined;
  }

  /** What the router says of the request, behind its own fields, and the empty line. */
  writeTail(out: Buffer, at: number, startMs: Buffer): number {
    let o = this.#putForwarding(out, at);
    o = this.id.put(out, o);
    o = put(out, o, vcapIdName);
    o = this.id.put(out, o);
    if (this.#clientCert !== "") {
      o = put(out, o, clientCertName);
      o = putText(out, o, this.#clientCert);
    }
    o = put(out, o, startName);
    o = put(out, o, startMs);
    o = putCrlf(out, o);
    if (this.framing === framing.chunks) o = put(out, o, chunked);
    else if (this.framing === framing.none && !this.#hasLengthField && !isWithoutBody(this.method)) {
      o = put(out, o, emptyBody);
    }
    if (this.upgrade !== "") {
      o = put(out, o, upgradeName);
      o = putText(out, o, this.upgrade);
      o = putCrlf(out, o);
    }
    return putCrlf(out, o);
  }

  #putForwarding(out: Buffer, at: number): number {
    let o = put(out, at, forwardedForName);
    o = putText(out, o, this.forwardedFor);
    o = put(out, o, forwardedName);
    o = putText(out, o, this.#forwarding.node(this.clientAddress));
    return put(out, o, this.#host.fields);
  }

  get target(): string {
    return text(this.targetBytes, this.targetStart, this.targetEnd);
  }

  get requestId(): string {
    return this.id.toString();
  }

  #takeTarget(buf: Buffer): void {
    this.targetBytes = buf;
    this.targetStart = head.targetStart;
    this.targetEnd = head.targetEnd;
    if (!head.needsSlash) return;
    this.targetBytes = latin1(`/${this.target}`);
    this.targetStart = 0;
    this.targetEnd = this.targetBytes.length;
  }

  #takeId(buf: Buffer): void {
    const isGiven = head.ids === 1 && this.id.take(buf, head.idStart, head.idEnd);
    if (!isGiven) this.id.renew();
  }

  /** h2c is an offer that may be ignored; an upgrade with a body is taken as a plain request. */
  #upgradeOf(buf: Buffer): string {
    if (!head.wantsUpgrade || head.upgradeEnd <= head.upgradeStart || this.framing !== framing.none) return "";
    if (head.minor === 0) return "";
    const upgrade = text(buf, head.upgradeStart, head.upgradeEnd);
    return /^h2c?$/i.test(upgrade) ? "" : upgrade;
  }

  /** What was said before, and the client last. The client is the last one that no trusted proxy has sent. */
  #takeChain(buf: Buffer): void {
    const said = head.forwardedForEnd === 0 ? [] : [text(buf, head.forwardedForStart, head.forwardedForEnd)];
    const more = head.forwardedForMore ?? [];
    for (let i = 0; i < more.length; i += 2) said.push(text(buf, more[i] as number, more[i + 1] as number));
    const own = this.#forwarding.clientAddress;
    this.forwardedFor = [...said, own].join(", ");
    this.clientAddress = own;
    if (!this.#forwarding.isTrusted) return;
    this.clientAddress = this.#forwarding.client(said.flatMap((line) => line.split(",")).map((hop) => hop.trim()));
  }
}

function methodAt(buf: Buffer, start: number, end: number): string {
  if (end - start === 3 && buf[start] === 71 && buf[start + 1] === 69 && buf[start + 2] === 84) return "GET";
  const common = methodByFirstByte.get((buf[start] as number) * 16 + end - start);
  if (common !== undefined) {
    let i = 1;
    while (i < common.length && buf[start + i] === common.charCodeAt(i)) i += 1;
    if (i === common.length) return common;
  }
  return text(buf, start, end);
}
