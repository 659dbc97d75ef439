import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import ssh2, { type ClientInfo, type Connection } from "ssh2";
import { messageOf } from "../core/errors.ts";
import { loadHostKey } from "./host-key.ts";
import type { Identities } from "./ports.ts";
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

/**
 * Listens for `git push` and for verbs by ssh. Disposing it ends the connections; their work is told so.
 *
 * The listening socket is our own: ssh2 tells of a connection only once the client has said something, which a client
 * that wants to hold a place never does.
 */
export async function startSshServer(deps: SshServerDeps, options: SshServerOptions): Promise<SshServer> {
  const hostKeys = [await loadHostKey(options.hostKeyFile)];
  const deadlines = new Deadlines(options.handshakeMs ?? defaultHandshakeMs);
  const ssh = new ssh2.Server({ hostKeys, ident: "paas", ...keepalive }, (connection, client) => {
    connection.once("ready", () => deadlines.met(client));
    serveConnection(deps, connection);
  });
  // Small packets go to and fro: without noDelay each waits 40 ms for the acknowledgement of the one before.
  const server = createServer({ noDelay: true }, (socket) => {
    deadlines.begin(socket);
    ssh.injectSocket(socket);
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
      deadlines.closeAll();
      await closed;
    },
  };
}

/** Sockets by the address of the client, each with the time until which its client must have come in. */
class Deadlines {
  readonly #handshakeMs: number;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(handshakeMs: number) {
    this.#handshakeMs = handshakeMs;
  }

  begin(socket: Socket): void {
    const { remoteAddress: ip = "", remotePort: port = 0 } = socket;
    this.#sockets.add(socket);
    this.#timers.set(
      keyOf({ ip, port }),
      setTimeout(() => socket.destroy(), this.#handshakeMs),
    );
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.met({ ip, port });
    });
  }

  met(client: Pick<ClientInfo, "ip" | "port">): void {
    clearTimeout(this.#timers.get(keyOf(client)));
    this.#timers.delete(keyOf(client));
  }

  closeAll(): void {
    for (const socket of this.#sockets) socket.destroySoon();
  }
}

function keyOf({ ip, port }: Pick<ClientInfo, "ip" | "port">): string {
  return `${ip} ${port}`;
}

function serveConnection(deps: SshServerDeps, connection: Connection): void {
  const gone = new AbortController();
  const authentication = new SshAuthentication(deps.identities);
  connection.on("error", (err) => deps.log.debug("ssh connection", { cause: messageOf(err) }));
  connection.once("close", () => gone.abort(new Error("the client closed the connection")));
  connection.on("authentication", (context) => {
    if (!authentication.attempt(context)) connection.end();
  });
  connection.on("session", (accept, reject) => {
    const { actor } = authentication;
    if (actor === undefined) return reject();
    serveSession(deps, accept(), actor, gone.signal);
  });
}
