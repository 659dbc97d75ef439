import { createHash } from "node:crypto";
import ssh2, { type AuthContext, type PublicKeyAuthContext } from "ssh2";
import type { Actor } from "../core/types.ts";
import type { Identities } from "./ports.ts";

/** Tries per connection; a client offers each key of its agent. */
const maxAttempts = 20;

/** Decides about one connection's tries: public keys only, whatever the user name. */
export class SshAuthentication {
  readonly #identities: Identities;
  #attempts = 0;
  #actor: Actor | undefined;

  constructor(identities: Identities) {
    this.#identities = identities;
  }

  /** Who came in; undefined before. */
  get actor(): Actor | undefined {
    return this.#actor;
  }

  /** False: the client has tried too often. */
  attempt(context: AuthContext): boolean {
    if (context.method !== "publickey") {
      context.reject(["publickey"]);
      return true;
    }
    this.#attempts += 1;
    const actor = this.#check(context);
    if (actor === undefined) context.reject(["publickey"]);
    else {
      if (context.signature !== undefined) this.#actor = actor;
      context.accept();
    }
    return this.#attempts < maxAttempts;
  }

  /** Without a signature the client only asks whether the key would do. */
  #check(context: PublicKeyAuthContext): Actor | undefined {
    const { key, signature, blob, hashAlgo } = context;
    const identity = this.#identities.byFingerprint(fingerprintOf(key.data));
    if (identity === undefined) return undefined;
    const known = ssh2.utils.parseKey(identity.publicKey);
    if (known instanceof Error || !known.getPublicSSH().equals(key.data)) return undefined;
    if (signature === undefined) return identity.actor;
    // An RSA signature without a named hash is SHA-1.
    if (key.algo === "ssh-rsa" && hashAlgo === undefined) return undefined;
    if (blob === undefined || known.verify(blob, signature, hashAlgo) !== true) return undefined;
    return identity.actor;
  }
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}
