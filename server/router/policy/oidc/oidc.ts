import type { Field, Middleware, OwnAnswer, RequestHead, Verdict } from "../../middleware.ts";
import type { Answers } from "../answers.ts";
import { cookieOf, splitTarget, withoutCookie } from "../request-parts.ts";
import type { Oidc } from "../route-policy.ts";
import { Provider } from "./provider.ts";
import { type Session, SessionCookies } from "./sessions.ts";

const sessionCookie = "paas_session";
const attemptCookie = "paas_sign_in";
const attemptLifeMs = 600_000;
const identityFields = ["x-forwarded-user", "x-forwarded-email", "x-forwarded-groups"];

/**
 * Sign-in with an OpenID Connect provider in front of an app (authorisation code flow with PKCE). The app gets
 * `X-Forwarded-User`, `-Email` and `-Groups`, and never what a client wrote there. `<path>/.paas/sign-out` ends a session.
 */
export function oidc(settings: Oidc, routePath: string, answers: Answers): Middleware {
  const gate = new Gate(settings, routePath === "/" ? "" : routePath, answers);
  return { name: "oidc", request: (head) => gate.request(head) };
}

class Gate {
  readonly #settings: Oidc;
  readonly #base: string;
  readonly #answers: Answers;
  readonly #cookies: SessionCookies;
  readonly #provider: Provider;

  constructor(settings: Oidc, base: string, answers: Answers) {
    this.#settings = settings;
    this.#base = base;
    this.#answers = answers;
    this.#cookies = new SessionCookies(settings.cookieKey);
    this.#provider = new Provider(settings);
  }

  request(head: RequestHead): Verdict | Promise<Verdict> {
    const { path } = splitTarget(head.target);
    if (path === `${this.#base}/.paas/signed-in`) return this.#finish(head);
    if (path === `${this.#base}/.paas/sign-out`) return { kind: "answer", answer: this.#signOut(head) };
    const cookie = cookieOf(head.header("cookie"), sessionCookie);
    if (cookie === undefined) return this.#begin(head);
    const session = this.#cookies.session(cookie, head.host);
    if (!(session instanceof Promise)) return session === undefined ? this.#begin(head) : passed(head, session);
    return session.then((found) => (found === undefined ? this.#begin(head) : passed(head, found)));
  }

  /** Only what a person has opened in a browser can be sent to a sign-in page. */
  async #begin(head: RequestHead): Promise<Verdict> {
    const isPage = head.method === "GET" && /\btext\/html\b/i.test(head.header("accept") ?? "");
    if (!isPage) return { kind: "answer", answer: this.#answers.refuse("unauthorized", head) };
    try {
      const { url, attempt } = await this.#provider.begin(this.#callback(head), head.target);
      const value = await this.#cookies.seal("attempt", attempt, head.host, attemptLifeMs);
      return { kind: "answer", answer: redirect(url, [this.#cookie(head, attemptCookie, value, attemptLifeMs)]) };
    } catch {
      return { kind: "answer", answer: this.#answers.refuse("auth_unavailable", head) };
    }
  }

  async #finish(head: RequestHead): Promise<Verdict> {
    const cookie = cookieOf(head.header("cookie"), attemptCookie);
    const attempt = cookie === undefined ? undefined : await this.#cookies.attempt(cookie, head.host);
    if (attempt === undefined) return { kind: "answer", answer: this.#answers.refuse("forbidden", head) };
    try {
      const callback = new URL(this.#callback(head) + splitTarget(head.target).query);
      const { isVerified, ...session } = await this.#provider.finish(callback, attempt);
      if (!this.#isAllowed(session.email, isVerified)) {
        return { kind: "answer", answer: this.#answers.refuse("forbidden", head) };
      }
      const { sessionMs } = this.#settings;
      const value = await this.#cookies.seal("session", session, head.host, sessionMs);
      const cookies = [this.#cookie(head, sessionCookie, value, sessionMs), this.#cookie(head, attemptCookie, "", 0)];
      return { kind: "answer", answer: redirect(attempt.returnTo.replace(/^\/{2,}/, "/"), cookies) };
    } catch {
      return { kind: "answer", answer: this.#answers.refuse("forbidden", head) };
    }
  }

  #isAllowed(email: string | undefined, isVerified: boolean): boolean {
    const { allow } = this.#settings;
    if (allow.length === 0) return true;
    const address = isVerified ? email?.toLowerCase() : undefined;
    if (address === undefined) return false;
    const domain = address.slice(address.lastIndexOf("@"));
    return allow.some((entry) => [address, domain].includes(entry.toLowerCase()));
  }

  #signOut(head: RequestHead): OwnAnswer {
    return redirect(`${this.#base}/`, [this.#cookie(head, sessionCookie, "", 0)]);
  }

  #callback(head: RequestHead): string {
    return `${head.protocol}://${head.header("host") ?? head.host}${this.#base}/.paas/signed-in`;
  }

  #cookie(head: RequestHead, name: string, value: string, lifeMs: number): Field {
    const secure = head.protocol === "https" ? "; Secure" : "";
    const path = `; Path=${this.#base === "" ? "/" : this.#base}`;
    return ["Set-Cookie", `${name}=${value}${path}; Max-Age=${lifeMs / 1000}; HttpOnly; SameSite=Lax${secure}`];
  }
}

function passed(head: RequestHead, { user, email, groups }: Session): Verdict {
  const set: Field[] = [["X-Forwarded-User", user]];
  if (email !== undefined) set.push(["X-Forwarded-Email", email]);
  if (groups !== undefined) set.push(["X-Forwarded-Groups", groups]);
  // The session is the router's: the app could lend it to others.
  const cookie = withoutCookie(head.header("cookie") ?? "", (name) => [sessionCookie, attemptCookie].includes(name));
  if (cookie !== undefined) set.push(["Cookie", cookie]);
  return { kind: "pass", edit: { remove: [...identityFields, "cookie"], set } };
}

function redirect(location: string, cookies: readonly Field[]): OwnAnswer {
  const fields: Field[] = [["Location", location], ["Cache-Control", "no-store"], ["Content-Length", "0"], ...cookies];
  return { status: 302, fields, body: "" };
}
