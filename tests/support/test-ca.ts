import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const day = 86_400_000;

export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface TestCa {
  /** PEM of the root. */
  readonly root: string;
  /** PEM of the certificate that issues; the root when there is none between. */
  readonly issuer: string;
  issue(names: readonly string[], life?: { readonly notBefore?: number; readonly notAfter?: number }): Promise<Issued>;
}

/** A certificate authority in memory: root, one intermediate, leaves. */
export async function testCa(): Promise<TestCa> {
  const make = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [rootKeys, middleKeys] = [await make(), await make()];
  const span = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 365 * day) };
  const ca = new x509.BasicConstraintsExtension(true, undefined, true);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Test Root",
    keys: rootKeys,
    signingAlgorithm: algorithm,
    extensions: [ca],
    ...span,
  });
  const middle = await x509.X509CertificateGenerator.create({
    subject: "CN=Test Issuer",
    issuer: root.subject,
    publicKey: middleKeys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [ca],
    ...span,
  });
  return {
    root: `${root.toString("pem")}\n`,
    issuer: `${middle.toString("pem")}\n`,
    async issue(names, life = {}) {
      const keys = await make();
      const leaf = await x509.X509CertificateGenerator.create({
        subject: `CN=${names[0] ?? "nobody"}`,
        issuer: middle.subject,
        publicKey: keys.publicKey,
        signingKey: middleKeys.privateKey,
        signingAlgorithm: algorithm,
        notBefore: new Date(life.notBefore ?? Date.now() - day),
        notAfter: new Date(life.notAfter ?? Date.now() + 30 * day),
        extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns" as const, value })))],
      });
      const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
      const lines = der
        .toString("base64")
        .match(/.{1,64}/g)
        ?.join("\n");
      const key = `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
      return { cert: `${leaf.toString("pem")}\n`, key };
    },
  };
}
