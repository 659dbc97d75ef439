import type { Configuration } from "openid-client";
import type { Oidc } from "../route-policy.ts";
import type { Attempt, Session } from "./sessions.ts";

const timeoutSeconds = 10;

/** The provider: its metadata is fetched at the first sign-in, and again after a failure. */
export class Provider {
  readonly #settings: Oidc;
  #configuration: Promise<Configuration> | undefined;

  constructor(settings: Oidc) {
    this.#settings = settings;
  }

  /** Where to send the client, and what to remember of it. @throws when the provider does not answer */
  async begin(redirectUri: string, returnTo: string): Promise<{ readonly url: string; readonly attempt: Attempt }> {
    // Its fetch client takes 13 MB: only routes with a sign-in pay for it.
    const client = await import("openid-client");
    const attempt: Attempt = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      returnTo,
    };
    const url = client.buildAuthorizationUrl(await this.#configure(), {
      redirect_uri: redirectUri,
      scope: [...new Set(["openid", ...this.#settings.scopes])].join(" "),
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: "S256",
    });
    return { url: url.href, attempt };
  }

  /** Who came back. @throws when the provider or the client says anything that does not fit the attempt */
  async finish(callback: URL, attempt: Attempt): Promise<Session & { readonly isVerified: boolean }> {
    const client = await import("openid-client");
    const configuration = await this.#configure();
    const tokens = await client.authorizationCodeGrant(configuration, callback, {
      expectedState: attempt.state,
      expectedNonce: attempt.nonce,
      pkceCodeVerifier: attempt.verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined) throw new Error("the provider gave no id token");
    const hasUserInfo = configuration.serverMetadata().userinfo_endpoint !== undefined;
    const more = hasUserInfo ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub) : {};
    const all: Readonly<Record<string, unknown>> = { ...claims, ...more };
    return {
      user: claims.sub,
      email: textOf(all["email"]),
      groups: Array.isArray(all["groups"]) ? all["groups"].map(String).join(",") : undefined,
      isVerified: all["email_verified"] !== false,
    };
  }

  #configure(): Promise<Configuration> {
    this.#configuration ??= this.#discover().catch((err: unknown) => {
      this.#configuration = undefined;
      throw err;
    });
    return this.#configuration;
  }

  async #discover(): Promise<Configuration> {
    const client = await import("openid-client");
    const { issuer, clientId, clientSecret } = this.#settings;
    const url = new URL(issuer);
    // The settings allow it for this machine only.
    const execute = url.protocol === "http:" ? [client.allowInsecureRequests] : [];
    return await client.discovery(url, clientId, clientSecret, undefined, { execute, timeout: timeoutSeconds });
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
