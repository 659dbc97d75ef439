import { webcrypto } from "node:crypto";
import type { Instant } from "../../core/types.ts";
import type { KeyPair } from "./types.ts";

const lifeMs = 10 * 365 * 86_400_000;

/**
 * A certificate that nobody vouches for, for names that have no other: browsers warn, and who develops on `localhost` may
 * click that away. Made once for an installation, so that the package is not loaded in everyday life.
 */
export async function selfSigned(names: readonly string[], now: Instant): Promise<KeyPair> {
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=paas self-signed",
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + lifeMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns" as const, value }))),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const lines = key.match(/.{1,64}/g)?.join("\n");
  return {
    chain: `${certificate.toString("pem")}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  };
}
