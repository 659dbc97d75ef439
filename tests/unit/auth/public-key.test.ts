import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { parsePublicKey } from "../../../server/auth/public-key.ts";
import { hashesEqual, hashToken, isToken, newToken } from "../../../server/auth/secret-token.ts";

const encoded = "AAAAC3NzaC1lZDI1NTE5AAAAIPEcgEUwksc6P+Xi8A/jf97aG3RhRiYlHC8oHqJoyWQB";
const fingerprint = "SHA256:1dxAtDKBCdcbbsol5xc9aEXgSeVl1WySew0b4HgefJo";

function line(...fields: readonly (string | Buffer)[]): string {
  const parts = fields.map((field) => {
    const bytes = Buffer.from(field);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  return `${fields[0]?.toString() ?? ""} ${Buffer.concat(parts).toString("base64")}`;
}

function reasonOf(text: string): string | number | undefined {
  try {
    parsePublicKey(text);
  } catch (err) {
    if (err instanceof AppError && err.code === "KEY_INVALID") return err.fields["reason"];
    throw err;
  }
  return undefined;
}

test("a .pub file gives algorithm, fingerprint and comment", () => {
  expect(parsePublicKey(`# mine\n\nssh-ed25519 ${encoded} ann@my laptop\r\n`)).toEqual({
    algorithm: "ssh-ed25519",
    fingerprint,
    line: `ssh-ed25519 ${encoded}`,
    comment: "ann@my laptop",
  });
});

test.for([
  ["", "it is empty"],
  [`ssh-ed25519 ${encoded}\nssh-ed25519 ${encoded}`, "several lines"],
  ["-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n", "private key"],
  [`ssh-dss ${encoded}`, "DSA"],
  [`sk-ssh-ed25519@openssh.com ${encoded}`, "security token"],
  [`command="id" ssh-ed25519 ${encoded}`, "starts with the kind of key"],
  ["ssh-ed25519", "damaged"],
  [`ssh-ed25519 ${encoded.slice(0, -4)}`, "damaged"],
  [`ssh-ed25519 ${encoded}%%%`, "damaged"],
  [`ssh-rsa ${encoded}`, "different kinds"],
  [line("ssh-ed25519", Buffer.alloc(31)), "damaged"],
  [line("ssh-ed25519", Buffer.alloc(32), "more"), "damaged"],
  [
    line("ssh-rsa", Buffer.from([1, 0, 1]), Buffer.concat([Buffer.from([0, 0x80]), Buffer.alloc(127)])),
    "this has 1024",
  ],
  [line("ssh-rsa", Buffer.from([1, 0, 1])), "damaged"],
  [line("ecdsa-sha2-nistp256", "nistp384", Buffer.alloc(65, 4)), "damaged"],
  [line("ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(64, 4)), "damaged"],
] as const)("%j is refused: %s", ([text, reason]) => {
  expect(reasonOf(text)).toContain(reason);
});

test("RSA of 2,048 bits and ECDSA are taken", () => {
  const modulus = Buffer.concat([Buffer.from([0, 0x80]), Buffer.alloc(255)]);
  expect(reasonOf(line("ssh-rsa", Buffer.from([1, 0, 1]), modulus))).toBeUndefined();
  expect(reasonOf(line("ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(65, 4)))).toBeUndefined();
});

test("no text makes it fail in another way", () => {
  const anything = fc.oneof(
    fc.string(),
    fc.base64String().map((s) => `ssh-rsa ${s}`),
    fc.base64String().map((s) => `ssh-ed25519 ${s}`),
  );
  fc.assert(fc.property(anything, (text) => reasonOf(text) !== undefined));
});

test("tokens are new each time, of a form of their own, and stored as a hash", () => {
  const [a, b] = [newToken(), newToken()];
  expect(a).not.toBe(b);
  expect(isToken(a)).toBe(true);
  expect([`${a}x`, a.slice(1), "", "paas_short"].some(isToken)).toBe(false);
  expect(hashToken(a)).toMatch(/^[0-9a-f]{64}$/);
  expect(hashesEqual(hashToken(a), hashToken(a))).toBe(true);
  expect(hashesEqual(hashToken(a), hashToken(b))).toBe(false);
  expect(hashesEqual(hashToken(a), "")).toBe(false);
});
