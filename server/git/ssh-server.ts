import { once } from "node:events";
import type { AddressInfo } from "node:net";
import ssh2, { type Connection, type Server } from "ssh2";
import { messageOf } from "../core/errors.ts";
import type { Identities } from "./ports.ts";
import { loadHostKey } from "./host-key.ts";
import { SshAuthentication } from "./ssh-auth.ts";
import { serveSession, type SessionDeps } from "./ssh-session.ts";

export interface SshServerDeps extends SessionDeps {
  readonly identities: Identities;
}

export interface SshServerOptions {
  readonly listen: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly hostKeyFile: string;
  /** A client must have come in by then, ms; 30 s unless told. */
  readonly handshakeMs?: number;
}

export interface SshServer extends AsyncDisposable {
  readonly port: number;
}

const defaultHandshakeMs = 30_000;
const maxConnections = 256;
/** Long builds are silent; routers on the way forget a silent connection after some minutes. */
const keepalive = { keepaliveInterval: 15_000, keepaliveCountMax: 6 };

/** Listens for `git push` and for verbs by ssh. Disposing it ends the connections; their work is told so. */
export async function startSshServer(deps: SshServerDeps, options: SshServerOptions): Promise<SshServer> {
  const hostKeys = [await loadHostKey(options.hostKeyFile)];
  const connections = new Set<Connection>();
  const server: Server = new ssh2.Server({ hostKeys, ident: "paas", ...keepalive }, (connection) => {
    connections.add(connection);
    // Small packets go to and fro: each would wait 40 ms for the acknowledgement of the one before.
    sendAtOnce(connection);
    connection.once("close", () => connections.delete(connection));
    serveConnection(deps, connection, options.handshakeMs ?? defaultHandshakeMs);
  });
  server.maxConnections = maxConnections;
  server.listen(options.port, options.listen);
  await once(server, "listening");
  server.on("error", (err: Error) => deps.log.error("ssh server", { err }));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const connection of connections) connection.end();
      await closed;
    },
  };
}

/** The types know this method of a client's connection only. */
function sendAtOnce(connection: Connection & { setNoDelay?: (noDelay: boolean) => void }): void {
  connection.setNoDelay?.(true);
}

function serveConnection(deps: SshServerDeps, connection: Connection, handshakeMs: number): void {
  const gone = new AbortController();
  const authentication = new SshAuthentication(deps.identities);
  const deadline = setTimeout(() => connection.end(), handshakeMs);
  connection.on("error", (err) => deps.log.debug("ssh connection", { cause: messageOf(err) }));
  connection.once("close", () => {
    clearTimeout(deadline);
    gone.abort(new Error("the client closed the connection"));
  });
  connection.on("authentication", (context) => {
    if (!authentication.attempt(context)) connection.end();
  });
  connection.once("ready", () => clearTimeout(deadline));
  connection.on("session", (accept, reject) => {
    const { actor } = authentication;
    if (actor === undefined) return reject();
    serveSession(deps, accept(), actor, gone.signal);
  });
}
