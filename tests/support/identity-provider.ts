import { createServer, type IncomingHttpHeaders, request } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";

export interface IdentityProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/**
 * A real OpenID Connect provider on loopback, with the forms for development that it brings along: any name and password
 * sign in, with the address NAME@example.test. Only mallory's is not verified.
 */
export async function startIdentityProvider(redirectUri: string): Promise<IdentityProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = { clientId: "paas", clientSecret: "hush hush hush" };
  const provider = new Provider(issuer, {
    clients: [{ client_id: client.clientId, client_secret: client.clientSecret, redirect_uris: [redirectUri] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.test`, email_verified: id !== "mallory" }),
    }),
    cookies: { keys: ["test"] },
  });
  const answer = provider.callback();
  server.on("request", (req, res) => void answer(req, res));
  return {
    issuer,
    ...client,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Page {
  readonly status: number;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Follows redirects and keeps cookies, as a browser does. Every host is on loopback. */
export class Browser {
  readonly cookies = new Map<string, Map<string, string>>();

  async open(address: string | URL, form?: string): Promise<Page> {
    let page = await this.#once(new URL(address), form);
    for (let i = 0; i < 10 && page.headers.location !== undefined; i++) {
      page = await this.#once(new URL(page.headers.location, page.url));
    }
    return page;
  }

  /** Opens a page that wants a sign-in, and signs in at the provider's own forms. */
  async signIn(address: string, user: string): Promise<Page> {
    let page = await this.open(address);
    for (const form of [`prompt=login&login=${user}&password=x`, "prompt=consent"]) {
      const action = /<form[^>]* action="([^"]+)"/.exec(page.body)?.[1];
      if (action === undefined) throw new Error(`no form: ${page.status} ${page.body}`);
      page = await this.open(new URL(action, page.url), form);
    }
    return page;
  }

  #once(url: URL, form?: string): Promise<Page> {
    const jar = this.cookies.get(url.host) ?? new Map<string, string>();
    this.cookies.set(url.host, jar);
    const headers: Record<string, string> = {
      host: url.host,
      accept: "text/html",
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
    };
    if (form !== undefined) headers["content-type"] = "application/x-www-form-urlencoded";
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: url.port, path: url.pathname + url.search, headers, agent: false };
      const sent = request({ ...options, method: form === undefined ? "GET" : "POST" }, (answer) => {
        for (const line of answer.headers["set-cookie"] ?? []) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          if (value === "" || /max-age=0\b/i.test(line)) jar.delete(name);
          else jar.set(name, value);
        }
        let body = "";
        answer.on("data", (chunk: Buffer) => (body += chunk.toString()));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, url, headers: answer.headers, body }));
      });
      sent.on("error", reject);
      sent.end(form);
    });
  }
}
