import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { isIP } from "node:net";
import type { Middleware, RequestHead } from "../middleware.ts";
import type { Target } from "../protocol.ts";
import type { Answers } from "./answers.ts";
import type { RouteService } from "./route-policy.ts";

const maxAgeMs = 60_000;
const fields = ["x-cf-forwarded-url", "x-cf-proxy-signature", "x-cf-proxy-metadata"] as const;

export type Leg = "out" | "back" | "invalid" | "expired";

/**
 * A service that sees each request before the app, as Cloud Foundry's route services: the router sends it there with
 * `X-CF-Forwarded-Url` and a signature, the service calls that address with both, and only then the app is reached.
 */
export class RouteServiceGate {
  readonly #url: URL;
  readonly #key: Buffer;
  readonly #now: () => number;
  /** Where requests go on their way out. */
  readonly target: Target;

  constructor(settings: RouteService, now: () => number = Date.now) {
    this.#url = new URL(settings.url);
    this.#key = Buffer.from(settings.key, "base64");
    this.#now = now;
    const isTls = this.#url.protocol === "https:";
    const host = this.#url.hostname.replace(/^\[|\]$/g, "");
    this.target = {
      id: `route-service ${this.#url.origin}`,
      name: "route-service",
      host,
      port: Number(this.#url.port || (isTls ? 443 : 80)),
      ...(isTls ? { tls: { servername: isIP(host) === 0 ? host : "" } } : {}),
    };
  }

  /** On which of its two ways a request is. */
  legOf(head: RequestHead): Leg {
    const [url, signature, metadata] = fields.map((name) => head.header(name));
    if (signature === undefined && metadata === undefined) return "out";
    const signed = this.#open(signature ?? "", metadata ?? "");
    if (signed === undefined || signed.url !== url || !fits(signed.url, head)) return "invalid";
    const age = this.#now() - signed.at;
    return age > maxAgeMs || age < -maxAgeMs ? "expired" : "back";
  }

  middleware(answers: Answers): Middleware {
    return {
      name: "route-service",
      request: (head) => {
        if (head.header("upgrade") !== undefined) return { kind: "answer", answer: answers.refuse("no_upgrade", head) };
        const leg = this.legOf(head);
        if (leg === "invalid") return { kind: "answer", answer: answers.refuse("bad_signature", head) };
        if (leg === "expired") return { kind: "answer", answer: answers.refuse("expired_signature", head) };
        if (leg === "back") return { kind: "pass", edit: { remove: fields } };
        const onAnswer = () => ({ remove: ["x-cf-proxy-signature"] });
        return { kind: "pass", edit: this.#outward(head), onAnswer };
      },
    };
  }

  #outward(head: RequestHead) {
    const url = `${head.protocol}://${head.header("host") ?? head.host}${head.target}`;
    const { signature, metadata } = this.#seal(url);
    return {
      target: this.#url.pathname + this.#url.search,
      set: [
        ["Host", this.#url.host],
        ["X-CF-Forwarded-Url", url],
        ["X-CF-Proxy-Signature", signature],
        ["X-CF-Proxy-Metadata", metadata],
      ] as const,
    };
  }

  #seal(url: string): { readonly signature: string; readonly metadata: string } {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const text = JSON.stringify({ forwarded_url: url, requested_time: this.#now() });
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    const metadata = Buffer.from(JSON.stringify({ nonce: nonce.toString("base64") }));
    return { signature: body.toString("base64url"), metadata: metadata.toString("base64url") };
  }

  #open(signature: string, metadata: string): { readonly url: string; readonly at: number } | undefined {
    try {
      const { nonce } = JSON.parse(Buffer.from(metadata, "base64url").toString("utf8")) as { nonce: string };
      const raw = Buffer.from(signature, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", this.#key, Buffer.from(nonce, "base64"), { authTagLength: 16 });
      decipher.setAuthTag(raw.subarray(-16));
      const text = Buffer.concat([decipher.update(raw.subarray(0, -16)), decipher.final()]).toString("utf8");
      const signed = JSON.parse(text) as { forwarded_url: string; requested_time: number };
      return { url: signed.forwarded_url, at: signed.requested_time };
    } catch {
      return undefined;
    }
  }
}

/** A signature is for one host and path; the service may add to the query. */
function fits(signed: string, head: RequestHead): boolean {
  if (!URL.canParse(signed)) return false;
  const url = new URL(signed);
  return url.hostname === head.host && url.pathname === new URL(head.target, url).pathname;
}
