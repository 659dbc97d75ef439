import { createHash } from "node:crypto";
import { AppError } from "../core/errors.ts";

export interface PublicKey {
  /** `ssh-ed25519` */
  readonly algorithm: string;
  /** `SHA256:…` as ssh-keygen prints it. */
  readonly fingerprint: string;
  /** Algorithm and key, without the comment. */
  readonly line: string;
  /** What stands after the key, often `ann@laptop`. */
  readonly comment: string;
}

const minRsaBits = 2048;

/**
 * Reads one line of a `.pub` file (RFC 4253 section 6.6; RFC 5656; RFC 8709): ed25519, ecdsa, or rsa of 2,048 bits.
 * @throws AppError KEY_INVALID
 */
export function parsePublicKey(text: string): PublicKey {
  const lines = text.split(/\r?\n/).filter((l) => l.trim() !== "" && !l.startsWith("#"));
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    refuse("it is a private key, which must never leave your machine");
  if (lines.length !== 1) refuse(lines.length === 0 ? "it is empty" : "it has several lines; add one key at a time");
  const [algorithm = "", encoded = "", ...comment] = (lines[0] ?? "").trim().split(/\s+/);
  checkAlgorithm(algorithm);
  const blob = Buffer.from(encoded, "base64");
  if (encoded === "" || blob.toString("base64").replace(/=+$/, "") !== encoded.replace(/=+$/, ""))
    refuse("its base64 part is damaged");
  checkBlob(algorithm, fieldsOf(blob));
  const fingerprint = `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
  return { algorithm, fingerprint, line: `${algorithm} ${blob.toString("base64")}`, comment: comment.join(" ") };
}

function checkAlgorithm(algorithm: string): void {
  if (/^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521))$/.test(algorithm)) return;
  if (algorithm === "ssh-dss") refuse("DSA keys are too weak");
  if (algorithm.startsWith("sk-")) refuse("keys on a security token are not supported");
  refuse('a line starts with the kind of key, like "ssh-ed25519"');
}

const curvePointBytes: Readonly<Record<string, number>> = { nistp256: 65, nistp384: 97, nistp521: 133 };

function checkBlob(algorithm: string, fields: readonly Buffer[]): void {
  const [name, first, second] = fields;
  if (name?.toString("latin1") !== algorithm) refuse("its two parts name different kinds of key");
  if (algorithm === "ssh-rsa") return checkRsa(fields.length, second);
  if (algorithm === "ssh-ed25519") {
    if (fields.length !== 2 || first?.length !== 32) refuse("its base64 part is damaged");
    return;
  }
  const curve = algorithm.slice("ecdsa-sha2-".length);
  if (fields.length !== 3 || first?.toString("latin1") !== curve) refuse("its base64 part is damaged");
  if (second?.length !== curvePointBytes[curve] || second?.[0] !== 4) refuse("its base64 part is damaged");
}

function checkRsa(count: number, modulus: Buffer | undefined): void {
  if (count !== 3 || modulus === undefined) return refuse("its base64 part is damaged");
  const bits = BigInt(`0x0${modulus.toString("hex")}`).toString(2).length;
  if (bits < minRsaBits) refuse(`RSA keys need ${minRsaBits} bits, this has ${bits}`);
}

/** Length-prefixed fields, as ssh writes them. */
function fieldsOf(blob: Buffer): readonly Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) refuse("its base64 part is damaged");
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) refuse("its base64 part is damaged");
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function refuse(reason: string): never {
  throw new AppError("KEY_INVALID", { reason });
}
