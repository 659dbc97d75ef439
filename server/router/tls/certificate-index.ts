import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type { Encryption, ServedCertificate } from "./encryption.ts";

/** What every context has beside its certificate. */
export const contextOptions = {
  minVersion: "TLSv1.2",
  // Tickets of TLS 1.2 and 1.3 end with the keys they are sealed with, see `ticketLifeMs`.
  sessionTimeout: 8 * 3600,
} as const satisfies SecureContextOptions;

interface Entry {
  readonly certificate: ServedCertificate;
  /** Made when the first client asks: an idle certificate costs its text alone. Undefined when OpenSSL refuses it. */
  context?: SecureContext | undefined;
  isTried: boolean;
}

/** Finds the certificate for the name that a client asks for. */
export class CertificateIndex {
  readonly #names = new Map<string, Entry>();
  readonly #challenges = new Map<string, Entry>();

  /** Contexts whose certificate has not changed are kept. */
  apply({ certificates, challenges }: Encryption): void {
    const before = new Map([...this.#names.values()].map((entry) => [keyOf(entry.certificate), entry]));
    this.#names.clear();
    this.#challenges.clear();
    for (const certificate of certificates) {
      const entry = before.get(keyOf(certificate)) ?? { certificate, isTried: false };
      for (const name of certificate.names) if (!this.#names.has(name)) this.#names.set(name, entry);
    }
    for (const certificate of challenges)
      for (const name of certificate.names) this.#challenges.set(name, { certificate, isTried: false });
  }

  /** Exact name first, then the wildcard one label up. */
  find(name: string): SecureContext | undefined {
    const exact = this.#names.get(name);
    const context = exact === undefined ? undefined : this.#contextOf(exact);
    if (context !== undefined) return context;
    const dot = name.indexOf(".");
    const wildcard = dot === -1 ? undefined : this.#names.get(`*${name.slice(dot)}`);
    return wildcard === undefined ? undefined : this.#contextOf(wildcard);
  }

  challenge(name: string): SecureContext | undefined {
    const entry = this.#challenges.get(name);
    return entry === undefined ? undefined : this.#contextOf(entry);
  }

  #contextOf(entry: Entry): SecureContext | undefined {
    if (entry.isTried) return entry.context;
    entry.isTried = true;
    const { chain, key } = entry.certificate;
    try {
      entry.context = createSecureContext({ ...contextOptions, cert: chain, key });
    } catch {
      // The daemon has checked it; what OpenSSL refuses all the same is as good as none.
    }
    return entry.context;
  }
}

function keyOf({ chain, key }: ServedCertificate): string {
  return `${key}\n${chain}`;
}
