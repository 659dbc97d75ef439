import type { ConnectionFacts } from "../sides.ts";
import { normaliseHost } from "../table.ts";
import { text } from "./fields.ts";
import { head } from "./head.ts";

const empty = Buffer.alloc(0);
const latin1 = (value: string): Buffer => Buffer.from(value, "latin1");

/** Addresses of proxies whose word on the client is believed. */
export interface TrustedProxies {
  has(address: string): boolean;
}

/** A host that was asked for, and what instances are told of every request to it. */
export interface AskedHost {
  /** As the client wrote it. */
  readonly authority: string;
  /** Lower case, without port. */
  readonly host: string;
  readonly protocol: "http" | "https";
  /** Field lines. */
  readonly fields: Buffer;
  /** The same behind the `X-Forwarded-For` of a request that nobody has forwarded before, up to the value of its id. */
  readonly usual: Buffer;
}

/** What one connection to a client says of all its requests. A client nearly always asks it for the same host again. */
export class Forwarding {
  readonly clientAddress: string;
  readonly isTrusted: boolean;
  readonly #connection: ConnectionFacts;
  readonly #trusted: TrustedProxies;
  readonly #via: "1.1" | "2.0";
  #hostBytes: Buffer = empty;
  #last: AskedHost | undefined;

  /** `via`: the version of HTTP that the client speaks. */
  constructor(connection: ConnectionFacts, trusted: TrustedProxies, via: "1.1" | "2.0" = "1.1") {
    this.#connection = connection;
    this.#trusted = trusted;
    this.#via = via;
    this.clientAddress = connection.clientAddress;
    this.isTrusted = trusted.has(connection.clientAddress);
  }

  /** The host of the head that was read last, in `buf`; undefined when it is none. `client` is who asks. */
  host(buf: Buffer, client: string): AskedHost | undefined {
    if (this.#isLast(buf)) return this.#last;
    const authority = text(buf, head.hostStart, head.hostEnd);
    const host = normaliseHost(authority);
    if (host === undefined) return undefined;
    const protocol = this.#protocol(buf);
    const fields = this.#fields(client, this.#shownHost(buf, authority), protocol);
    const usual = Buffer.concat([latin1(`X-Forwarded-For: ${client}\r\n`), fields, latin1("X-Request-Id: ")]);
    this.#hostBytes = latin1(authority);
    this.#last = { authority, host, protocol, fields, usual };
    return this.#last;
  }

  /** The client is the last one that no trusted proxy has sent. */
  client(hops: readonly string[]): string {
    return hops.findLast((hop) => !this.#trusted.has(hop)) ?? hops[0] ?? this.clientAddress;
  }

  #isLast(buf: Buffer): boolean {
    const known = this.#hostBytes;
    const { hostStart } = head;
    if (known.length === 0 || known.length !== head.hostEnd - hostStart) return false;
    for (let i = 0; i < known.length; i++) if (known[i] !== buf[hostStart + i]) return false;
    // A trusted proxy may say another client and another host with each request.
    return !this.isTrusted;
  }

  #protocol(buf: Buffer): "http" | "https" {
    if (!this.isTrusted || head.protoEnd === 0) return this.#connection.protocol;
    const given = text(buf, head.protoStart, head.protoEnd).toLowerCase();
    return given === "http" || given === "https" ? given : this.#connection.protocol;
  }

  #shownHost(buf: Buffer, authority: string): string {
    if (!this.isTrusted || head.forwardedHostEnd === 0) return authority;
    const said = text(buf, head.forwardedHostStart, head.forwardedHostEnd);
    return normaliseHost(said) === undefined ? authority : said;
  }

  #fields(client: string, host: string, protocol: "http" | "https"): Buffer {
    const port = protocol === this.#connection.protocol ? this.#connection.localPort : 443;
    const forwarded = `for=${quoted(client)};host=${quoted(host)};proto=${protocol}`;
    return latin1(
      `X-Forwarded-Proto: ${protocol}\r\nX-Forwarded-Port: ${port}\r\nX-Forwarded-Host: ${host}\r\nForwarded: ${forwarded}\r\nVia: ${this.#via} paas\r\n`,
    );
  }
}

/** A node or a host as RFC 7239 wants it: what is no token in quotes, IPv6 in brackets too. */
function quoted(value: string): string {
  if (/^[\w.-]+$/.test(value)) return value;
  return value.includes("::") || /^[\da-f]*:[\da-f]*:/i.test(value)
    ? `"[${value.replace(/^\[|\]$/g, "")}]"`
    : `"${value}"`;
}
