import type { ConnectionFacts } from "../sides.ts";
import { normaliseHost } from "../table.ts";
import { text } from "./fields.ts";
import { head } from "./head.ts";

const latin1 = (value: string): Buffer => Buffer.from(value, "latin1");
const maxHosts = 1_000;

/** Addresses of proxies whose word on the client is believed. */
export interface TrustedProxies {
  has(address: string): boolean;
}

/** Version of HTTP that a client speaks. */
export type Via = "1.1" | "2.0";

/** A host that was asked for, and what instances are told of every request to it. */
export interface AskedHost {
  /** As the client wrote it. */
  readonly authority: string;
  /** Lower case, without port. */
  readonly host: string;
  readonly protocol: "http" | "https";
  /** What follows `Forwarded: for=<client>`, up to the value of `X-Request-Id`. */
  readonly fields: Buffer;
}

/** The hosts that clients ask one listener for. Bounded: anybody can ask for any. */
export class AskedHosts {
  readonly #protocol: "http" | "https";
  readonly #via: Via;
  readonly #known = new Map<string, AskedHost>();
  #port = 0;

  constructor(protocol: "http" | "https", via: Via) {
    this.#protocol = protocol;
    this.#via = via;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Undefined when it is no host. */
  get(authority: string, port: number): AskedHost | undefined {
    const known = port === this.#port ? this.#known.get(authority) : undefined;
    if (known !== undefined) return known;
    const made = this.describe(authority, { port, protocol: this.#protocol, shown: authority });
    if (made === undefined) return undefined;
    if (port !== this.#port || this.#known.size >= maxHosts) this.#known.clear();
    this.#port = port;
    this.#known.set(authority, made);
    return made;
  }

  /** The same with what a trusted proxy says of it. */
  describe(
    authority: string,
    { port, protocol, shown }: { readonly port: number; readonly protocol: "http" | "https"; readonly shown: string },
  ): AskedHost | undefined {
    const host = normaliseHost(authority);
    if (host === undefined) return undefined;
    const own = protocol === this.#protocol ? port : 443;
    const fields = latin1(
      `;host=${quoted(shown)};proto=${protocol}\r\nX-Forwarded-Proto: ${protocol}\r\nX-Forwarded-Port: ${own}\r\nX-Forwarded-Host: ${shown}\r\nVia: ${this.#via} paas\r\nX-Request-Id: `,
    );
    return { authority, host, protocol, fields };
  }
}

/** What one connection to a client says of all its requests. */
export class Forwarding {
  readonly clientAddress: string;
  readonly isTrusted: boolean;
  readonly tlsVersion: string | undefined;
  readonly #connection: ConnectionFacts;
  readonly #trusted: TrustedProxies;
  readonly #hosts: AskedHosts;
  #last: AskedHost | undefined;
  #ownNode: string | undefined;

  constructor(connection: ConnectionFacts, trusted: TrustedProxies, hosts: AskedHosts) {
    this.#connection = connection;
    this.#trusted = trusted;
    this.#hosts = hosts;
    this.clientAddress = connection.clientAddress;
    this.tlsVersion = connection.tlsVersion;
    this.isTrusted = trusted.has(connection.clientAddress);
  }

  /** The host of the head that was read last, in `buf`; undefined when it is none. */
  host(buf: Buffer): AskedHost | undefined {
    // A trusted proxy may say another protocol and another host with each request.
    if (this.isTrusted) return this.#said(buf);
    // A client nearly always asks for the same host again.
    if (this.#isLast(buf)) return this.#last;
    this.#last = this.#hosts.get(text(buf, head.hostStart, head.hostEnd), this.#connection.localPort);
    return this.#last;
  }

  /** A client's address as `Forwarded` shows it. */
  node(client: string): string {
    if (client !== this.clientAddress) return quoted(client);
    this.#ownNode ??= quoted(client);
    return this.#ownNode;
  }

  /** The client is the last one that no trusted proxy has sent. */
  client(hops: readonly string[]): string {
    return hops.findLast((hop) => !this.#trusted.has(hop)) ?? hops[0] ?? this.clientAddress;
  }

  #isLast(buf: Buffer): boolean {
    const known = this.#last?.authority;
    const { hostStart } = head;
    if (known === undefined || known.length !== head.hostEnd - hostStart) return false;
    for (let i = 0; i < known.length; i++) if (known.charCodeAt(i) !== buf[hostStart + i]) return false;
    return true;
  }

  #said(buf: Buffer): AskedHost | undefined {
    const authority = text(buf, head.hostStart, head.hostEnd);
    const given = text(buf, head.protoStart, head.protoEnd).toLowerCase();
    const isKnown = head.protoEnd > 0 && (given === "http" || given === "https");
    const protocol = isKnown ? given : this.#connection.protocol;
    const host = head.forwardedHostEnd === 0 ? authority : text(buf, head.forwardedHostStart, head.forwardedHostEnd);
    const shown = normaliseHost(host) === undefined ? authority : host;
    return this.#hosts.describe(authority, { port: this.#connection.localPort, protocol, shown });
  }
}

/** A node or a host as RFC 7239 wants it: what is no token in quotes, IPv6 in brackets too. */
function quoted(value: string): string {
  if (/^[\w.-]+$/.test(value)) return value;
  return value.includes("::") || /^[\da-f]*:[\da-f]*:/i.test(value)
    ? `"[${value.replace(/^\[|\]$/g, "")}]"`
    : `"${value}"`;
}
