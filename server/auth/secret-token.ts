import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const prefix = "paas_";

/** 32 random bytes that a secret scanner can recognise by their prefix. */
export function newToken(): string {
  return prefix + randomBytes(32).toString("base64url");
}

/** SHA-256, hex: all that is stored. A token is random enough to need no slow hash. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

export function isToken(text: string): boolean {
  return /^paas_[A-Za-z0-9_-]{43}$/.test(text);
}

/** Takes as long whatever the difference. */
export function hashesEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, "hex"), Buffer.from(b, "hex")];
  return left.length === right.length && timingSafeEqual(left, right);
}
