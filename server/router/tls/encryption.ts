/** A certificate as the router serves it, PEM. */
export interface ServedCertificate {
  /** Lower case; `*.example.test` stands for one label. */
  readonly names: readonly string[];
  /** The certificate, then its chain. */
  readonly chain: string;
  readonly key: string;
}

/** All that the router has to know to speak TLS. Comes over the control socket, never in argv. */
export interface Encryption {
  /** Of two that fit a name the first is served. */
  readonly certificates: readonly ServedCertificate[];
  /** For names without a certificate, and clients that name none. */
  readonly fallback?: ServedCertificate;
  /** Shown to a CA that proves a name by TLS-ALPN-01 (RFC 8737), and to nobody else. Not kept on disk. */
  readonly challenges: readonly ServedCertificate[];
}

/** What all workers have in common. */
export interface TlsSecrets {
  readonly encryption: Encryption;
  /** 48 bytes in base64: a session begun at one worker is resumed at any other. */
  readonly ticketKeys: string;
}

/** Undefined where there is no TLS. */
export interface TlsOptions {
  readonly port: number;
  readonly secrets: TlsSecrets;
}

export const noEncryption: Encryption = { certificates: [], challenges: [] };

export function isEncryption(value: unknown): value is Encryption {
  const given = value as Partial<Encryption> | undefined;
  const isServedList = (list: unknown) => Array.isArray(list) && list.every(isServed);
  if (!isServedList(given?.certificates) || !isServedList(given?.challenges)) return false;
  return given?.fallback === undefined || isServed(given.fallback);
}

function isServed(value: unknown): value is ServedCertificate {
  const given = value as Partial<ServedCertificate> | null;
  if (typeof given?.chain !== "string" || typeof given.key !== "string" || !Array.isArray(given.names)) return false;
  return given.names.every((name) => typeof name === "string");
}
