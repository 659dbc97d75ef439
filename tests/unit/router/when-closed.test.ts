import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { whenClosed } from "../../../server/router/when-closed.ts";

const server = createServer();
afterEach(() => server.close());

async function accepted(): Promise<{ readonly socket: Socket; readonly client: Socket }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  return { socket, client };
}

test.each(["end", "resetAndDestroy"] as const)(
  "is told once of a client's %s, then the socket holds nobody",
  async (leave) => {
    const { socket, client } = await accepted();
    let told = 0;
    socket.on("data", () => {});
    socket.on("end", () => socket.destroy());
    const gone = new Promise<void>((resolve) => {
      whenClosed(socket, () => {
        told += 1;
        resolve();
      });
    });
    client[leave]();
    await gone;
    expect(["data", "end", "close"].map((name) => socket.listenerCount(name))).toEqual([0, 0, 0]);
    // What comes late is nobody's business, and no reason to end.
    socket.emit("error", new Error("late"));
    socket.emit("close");
    expect(told).toBe(1);
  },
);
