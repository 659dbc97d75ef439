import type { Instant } from "../../core/types.ts";

/** A certificate as it is kept. The key stands beside it, sealed. `self`: signed by itself, for names without one. */
export interface Certificate {
  readonly id: string;
  /** Lower case; `*.example.test` stands for one label. */
  readonly names: readonly string[];
  readonly source: "own" | "acme" | "self";
  readonly issuer: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly createdAt: Instant;
}

/** What goes to the router: PEM, the chain leaf first. */
export interface KeyPair {
  readonly chain: string;
  readonly key: string;
}

/** What was said and what happened about one name. */
export interface NameRecord {
  readonly name: string;
  /** By `certs:auto`; undefined: as the name's app or the default says. */
  readonly auto: boolean | undefined;
  /** Failures in a row. */
  readonly failures: number;
  /** Words of the CA, or why it was not asked. */
  readonly problem: string | undefined;
  /** Not before, after a failure. */
  readonly retryAt: Instant | undefined;
}

export interface AcmeAccount {
  readonly directory: string;
  readonly url: string | undefined;
  /** PEM */
  readonly key: string;
}
