import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { AppError } from "../../core/errors.ts";
import type { Instant } from "../../core/types.ts";
import { covers } from "./names.ts";

export interface CertificateFacts {
  readonly names: readonly string[];
  readonly issuer: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  /** PEM, leaf first, without what stood between. */
  readonly chain: string;
  /** False when clients would have to know an intermediate certificate by themselves. */
  readonly isComplete: boolean;
}

const block = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Reads a chain: the certificate itself, then each one's issuer. @throws AppError CERT_UNREADABLE, CERT_CHAIN_ORDER */
export function readChain(pem: string): CertificateFacts {
  const all = (pem.match(block) ?? []).map(parse);
  const [leaf, ...issuers] = all;
  if (leaf === undefined) throw new AppError("CERT_UNREADABLE", { what: "certificate" });
  for (const [i, issuer] of issuers.entries()) {
    const issued = all[i] ?? leaf;
    if (!issued.checkIssued(issuer)) throw new AppError("CERT_CHAIN_ORDER", { subject: nameOf(issued.subject) });
  }
  const last = all.at(-1) ?? leaf;
  return {
    names: namesOf(leaf),
    issuer: nameOf(leaf.issuer),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    chain: all.map((one) => one.toString()).join(""),
    isComplete: last.checkIssued(last) || rootCertificates.some((root) => last.checkIssued(new X509Certificate(root))),
  };
}

/** What the operator brings must be usable for all `names` from now on. @throws AppError CERT_… that says what is wrong */
export function checkOwn(pem: string, keyPem: string, names: readonly string[], now: Instant): CertificateFacts {
  const facts = readChain(pem);
  const key = readKey(keyPem);
  if (!new X509Certificate(facts.chain).checkPrivateKey(key)) throw new AppError("CERT_KEY_MISMATCH");
  if (facts.notAfter <= now) throw new AppError("CERT_EXPIRED", { at: new Date(facts.notAfter).toISOString() });
  if (facts.notBefore > now) throw new AppError("CERT_NOT_YET", { at: new Date(facts.notBefore).toISOString() });
  const missing = names.find((name) => !facts.names.some((held) => covers(held, name)));
  if (missing !== undefined) throw new AppError("CERT_NAME_MISSING", { name: missing, names: facts.names.join(", ") });
  return facts;
}

function parse(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new AppError("CERT_UNREADABLE", { what: "certificate" }, { cause });
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new AppError("CERT_UNREADABLE", { what: "private key" }, { cause });
  }
}

/** DNS names only; a common name alone is not looked at by any client any more. */
function namesOf(certificate: X509Certificate): readonly string[] {
  const entries = (certificate.subjectAltName ?? "").split(", ").filter((entry) => entry.startsWith("DNS:"));
  return entries.map((entry) => entry.slice("DNS:".length).toLowerCase());
}

/** `R11, Let's Encrypt` of a distinguished name. */
function nameOf(distinguished: string): string {
  const field = (key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(distinguished)?.[1];
  return [field("CN"), field("O")].filter(Boolean).join(", ") || distinguished.replaceAll("\n", ", ");
}
