import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";

export interface SocketGate extends AsyncDisposable {
  readonly path: string;
  /** Cuts all connections and takes no new ones. */
  close(): Promise<void>;
  open(): Promise<void>;
}

/** A unix socket in front of another one, which a test can take away and bring back. */
export async function openGate(target: string, path: string): Promise<SocketGate> {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const gate: SocketGate = {
    path,
    async open() {
      server = createServer({ allowHalfOpen: true }, (near) => {
        const far = connect({ path: target, allowHalfOpen: true });
        [near, far].forEach(track);
        near.pipe(far).pipe(near);
      }).listen(path);
      await once(server, "listening");
    },
    async close() {
      const closing = server && once(server, "close");
      server?.close();
      server = undefined;
      for (const socket of sockets) socket.destroy();
      await closing;
      await rm(path, { force: true });
    },
    [Symbol.asyncDispose]: () => gate.close(),
  };
  await gate.open();
  return gate;
}
