import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { acceptProxied } from "../tcp/accept-proxied.ts";
import type { ProxyFacts } from "../tcp/proxy-protocol.ts";
import { CertificateIndex, contextOptions } from "./certificate-index.ts";
import type { TlsSecrets } from "./encryption.ts";

export interface FrontOptions {
  readonly listen: {
    readonly host: string;
    readonly port: number;
    readonly backlog?: number;
    readonly reusePort?: boolean;
  };
  readonly handshakeTimeoutMs: number;
  readonly secrets: TlsSecrets;
  /** Preferred first. */
  readonly protocols: readonly ("h2" | "http/1.1")[];
  /** Who connects from there says first for whom, before the handshake. */
  readonly isProxied: (socket: Socket) => boolean;
  /** After the handshake; `h2` where the client chose it. `said`: by the proxy in front. Its errors are the receiver's. */
  readonly onConnection: (socket: TLSSocket, protocol: "h2" | "http/1.1", said: ProxyFacts | undefined) => void;
}

const challengeProtocol = "acme-tls/1";
/** Sessions of one listener are good for all others of this router. */
const sessionIdContext = "paas";

/** Takes TLS connections: the certificate by the name that the client asks for, the protocol by ALPN. */
export class TlsFront {
  readonly #options: FrontOptions;
  readonly #index: CertificateIndex;
  readonly #server: Server;
  /** By {@link peerOf}. */
  readonly #said = new Map<string, ProxyFacts>();
  #fallback: string | undefined;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#index = new CertificateIndex();
    const index = this.#index;
    // OpenSSL chooses the certificate after the protocol in TLS 1.3, and before it in TLS 1.2.
    const challenged = new WeakSet<TLSSocket>();
    this.#server = createServer({
      ...contextOptions,
      sessionIdContext,
      ticketKeys: Buffer.from(options.secrets.ticketKeys, "base64"),
      noDelay: true,
      allowHalfOpen: true,
      handshakeTimeout: options.handshakeTimeoutMs,
      // Node calls both on the socket itself; the types do not say so.
      SNICallback(this: TLSSocket, servername, done) {
        const name = servername.toLowerCase();
        done(null, challenged.has(this) ? index.challenge(name) : index.find(name));
      },
      ALPNCallback(this: TLSSocket, { servername, protocols }) {
        if (protocols.includes(challengeProtocol)) {
          const context = index.challenge(servername.toLowerCase());
          if (context === undefined) return undefined;
          challenged.add(this);
          this.setKeyCert(context);
          return challengeProtocol;
        }
        return options.protocols.find((one) => protocols.includes(one));
      },
    });
    this.#readProxyHeaders();
    this.#server.on("secureConnection", (socket) => this.#connected(socket));
    this.#server.on("tlsClientError", (_err, socket) => socket.destroy());
    this.apply(options.secrets);
  }

  /** Answers the port. @throws the error of listen(2) */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.listen, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** In force for the next handshake; connections that are there keep theirs. */
  apply({ encryption, ticketKeys }: TlsSecrets): void {
    this.#index.apply(encryption);
    const { fallback } = encryption;
    if (fallback !== undefined && fallback.chain !== this.#fallback) {
      this.#fallback = fallback.chain;
      const { chain: cert, key } = fallback;
      this.#server.setSecureContext({ ...contextOptions, sessionIdContext, cert, key });
    }
    this.#server.setTicketKeys(Buffer.from(ticketKeys, "base64"));
  }

  /** Takes no new connections; those that are there are their owners' to end. */
  stopListening(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The listener of node:tls begins the handshake; it is called when the header is read. */
  #readProxyHeaders(): void {
    const server = this.#server;
    const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    const shakeHands = (socket: Socket) => {
      for (const listener of listeners) listener.call(server, socket);
    };
    server.removeAllListeners("connection").on("connection", (socket: Socket) => {
      if (!this.#options.isProxied(socket)) {
        shakeHands(socket);
        return;
      }
      acceptProxied(socket, (said, rest) => {
        const peer = peerOf(socket);
        if (said !== undefined) this.#said.set(peer, said);
        socket.once("close", () => this.#said.delete(peer));
        if (rest.length > 0) socket.unshift(rest);
        shakeHands(socket);
      });
    });
  }

  #connected(socket: TLSSocket): void {
    if (socket.alpnProtocol === challengeProtocol) {
      socket.on("error", () => socket.destroy());
      socket.end();
      return;
    }
    const said = this.#said.size === 0 ? undefined : this.#said.get(peerOf(socket));
    this.#options.onConnection(socket, socket.alpnProtocol === "h2" ? "h2" : "http/1.1", said);
  }
}

/** The same of a connection and of the TLS upon it, and of no other that is open. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
