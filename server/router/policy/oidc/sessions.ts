export interface Session {
  readonly user: string;
  readonly email: string | undefined;
  readonly groups: string | undefined;
}

/** A sign-in that is under way. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where the client wanted to go. */
  readonly returnTo: string;
}

const maxKnown = 5_000;

/** Cookies that only the router can read or write: JWE with a key of the route, for one host. */
export class SessionCookies {
  readonly #key: Buffer;
  /** Cookie → what stands in it and until when, ms since the epoch. */
  readonly #known = new Map<string, { readonly session: Session; readonly until: number }>();

  constructor(key: string) {
    this.#key = Buffer.from(key, "base64");
  }

  async seal(kind: "session" | "attempt", claims: Session | Attempt, host: string, lifeMs: number): Promise<string> {
    // It takes 11 MB: only routes with a sign-in pay for it.
    const { EncryptJWT } = await import("jose");
    return new EncryptJWT({ ...claims, kind })
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .setAudience(host)
      .setIssuedAt()
      .setExpirationTime(new Date(Date.now() + lifeMs))
      .encrypt(this.#key);
  }

  /** Decrypted once: at once where it is known. */
  session(cookie: string, host: string): Session | undefined | Promise<Session | undefined> {
    const key = `${host} ${cookie}`;
    const known = this.#known.get(key);
    if (known !== undefined && known.until > Date.now()) return known.session;
    return this.#open(cookie, host, "session").then((claims) => {
      if (claims === undefined) return undefined;
      const { user, email, groups, exp } = claims as unknown as Session & { readonly exp: number };
      if (this.#known.size >= maxKnown) this.#known.clear();
      this.#known.set(key, { session: { user, email, groups }, until: exp * 1000 });
      return { user, email, groups };
    });
  }

  async attempt(cookie: string, host: string): Promise<Attempt | undefined> {
    return (await this.#open(cookie, host, "attempt")) as Attempt | undefined;
  }

  async #open(cookie: string, audience: string, kind: string): Promise<object | undefined> {
    const { jwtDecrypt } = await import("jose");
    try {
      const { payload } = await jwtDecrypt(cookie, this.#key, { audience, contentEncryptionAlgorithms: ["A256GCM"] });
      return payload["kind"] === kind ? payload : undefined;
    } catch {
      return undefined;
    }
  }
}
