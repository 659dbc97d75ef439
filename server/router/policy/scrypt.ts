import { scrypt, timingSafeEqual } from "node:crypto";

/** `scrypt$N$r$p$salt$hash`, the last two in base64. */
export interface ScryptHash {
  readonly cost: { readonly N: number; readonly r: number; readonly p: number };
  readonly salt: Buffer;
  readonly hash: Buffer;
}

export function parseScrypt(text: string): ScryptHash | undefined {
  const [kind, N, r, p, salt = "", hash = ""] = text.split("$");
  if (kind !== "scrypt" || hash === "") return undefined;
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  return { cost, salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
}

/** On the thread pool: it takes tens of milliseconds by intent. */
export function matchesScrypt(password: string, { cost, salt, hash }: ScryptHash): Promise<boolean> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, cost, (err, derived) => {
      if (err === null) resolve(timingSafeEqual(derived, hash));
      else reject(err);
    });
  });
}
