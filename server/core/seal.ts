import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** Encrypts what must not stand in the clear on disk: AES-256-GCM, a fresh nonce each time, JSON inside. */
export interface Sealer {
  seal(value: unknown): string;
  /** @throws when the text was sealed with another key or altered */
  open<T>(sealed: string): T;
}

export function createSealer(key: Uint8Array): Sealer {
  return {
    seal(value) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const body = Buffer.concat([cipher.update(JSON.stringify(value), "utf8"), cipher.final()]);
      return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64")}`;
    },
    open<T>(sealed: string): T {
      const raw = Buffer.from(sealed.replace(/^v1\./, ""), "base64");
      const decipher = createDecipheriv("aes-256-gcm", key, raw.subarray(0, 12));
      decipher.setAuthTag(raw.subarray(12, 28));
      const text = Buffer.concat([decipher.update(raw.subarray(28)), decipher.final()]).toString("utf8");
      return JSON.parse(text) as T;
    },
  };
}

/** A key for one part of the installation: whoever has it can open what is that part's, and nothing else. */
export function partKey(key: Uint8Array, part: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "", `paas ${part}`, 32));
}
