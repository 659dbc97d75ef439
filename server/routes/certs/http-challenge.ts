import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TableRoute } from "../../router/protocol.ts";

/** Where the CA and the self-check look (RFC 8555 8.3). */
export const challengePath = "/.well-known/acme-challenge";

/**
 * Answers for tokens, and the routes that bring the CA's requests here: the router's own table carries them, so that all
 * workers know a token when `publish` resolves, and an app's other paths stay its own.
 */
export class HttpChallenges {
  readonly #publish: () => Promise<void>;
  readonly #rows = new Map<string, TableRoute>();

  constructor(publish: () => Promise<void>) {
    this.#publish = publish;
  }

  /** For the routing table. */
  routes(): readonly TableRoute[] {
    return [...this.#rows.values()];
  }

  async answer(name: string, token: string, text: string): Promise<AsyncDisposable> {
    const server = createServer((_req, res) => {
      res.writeHead(200, { "content-type": "application/octet-stream", connection: "close" }).end(text);
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const key = `${name}/${token}`;
    this.#rows.set(key, {
      host: name,
      path: `${challengePath}/${token}`,
      app: undefined,
      state: "running",
      targets: [{ id: `acme-${token}`, name: "acme", host: "127.0.0.1", port }],
    });
    const end = async () => {
      this.#rows.delete(key);
      await this.#publish().catch(() => {});
      server.close();
      server.closeAllConnections();
    };
    try {
      await this.#publish();
    } catch (err) {
      await end();
      throw err;
    }
    return { [Symbol.asyncDispose]: end };
  }
}
