import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
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
  /** After the handshake; `h2` where the client chose it. */
  readonly onConnection: (socket: TLSSocket, protocol: "h2" | "http/1.1") => void;
}

const challengeProtocol = "acme-tls/1";
/** Sessions of one listener are good for all others of this router. */
const sessionIdContext = "paas";

/** Takes TLS connections: the certificate by the name that the client asks for, the protocol by ALPN. */
export class TlsFront {
  readonly #options: FrontOptions;
  readonly #index: CertificateIndex;
  readonly #server: Server;
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

  #connected(socket: TLSSocket): void {
    socket.on("error", () => socket.destroy());
    if (socket.alpnProtocol === challengeProtocol) {
      socket.end();
      return;
    }
    this.#options.onConnection(socket, socket.alpnProtocol === "h2" ? "h2" : "http/1.1");
  }
}
