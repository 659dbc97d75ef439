import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { streamProtocol } from "../core/frames.ts";
import type { Api } from "./api.ts";
import type { Peer } from "./peer.ts";

export interface ApiPort extends AsyncDisposable {
  readonly port: number;
}

/** How long requests in progress may take to end when the daemon stops, ms. */
const closeTimeoutMs = 5000;

/**
 * Serves the API on a unix socket until disposed. It is made with mode 0600: who can open it is the owner of the
 * machine. A stale one is replaced.
 */
export async function openApiSocket(api: Api, socketPath: string): Promise<AsyncDisposable> {
  await rm(socketPath, { force: true });
  const unix = createListener(api, "unix");
  // Set around listen(), which binds at once: a chmod afterwards would leave a moment in which anyone may connect.
  const umask = process.umask(0o177);
  try {
    unix.server.listen(socketPath);
  } finally {
    process.umask(umask);
  }
  await once(unix.server, "listening");
  return unix;
}

/** Serves the API on loopback until disposed; port 0 chooses one. */
export async function openApiPort(api: Api, port: number): Promise<ApiPort> {
  const tcp = createListener(api, "tcp");
  tcp.server.listen(port, "127.0.0.1");
  await once(tcp.server, "listening");
  return {
    port: (tcp.server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => tcp[Symbol.asyncDispose](),
  };
}

interface Listener extends AsyncDisposable {
  readonly server: Server;
}

function createListener(api: Api, peer: Peer): Listener {
  const upgraded = new Set<Duplex>();
  // A push of any length is one request, so only its head has a deadline. Other upgrades are answered as if not asked for.
  const server = createServer({ requestTimeout: 0, headersTimeout: 30_000, shouldUpgradeCallback: isStream });
  server.on(
    "request",
    getRequestListener((request, env) => api.app.fetch(request, { ...env, peer })) as RequestListener,
  );
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    void api.upgrade(request, socket, head, peer);
  });
  return { server, [Symbol.asyncDispose]: () => close(server, upgraded) };
}

function isStream(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === streamProtocol;
}

/** New requests are refused at once; those in progress have a moment to end. */
async function close(server: Server, upgraded: ReadonlySet<Duplex>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    server.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
  }, closeTimeoutMs);
  await closed;
  clearTimeout(timer);
}
