import type { Socket } from "node:net";
import { parseProxyHeader, type ProxyFacts } from "./proxy-protocol.ts";

const headerTimeoutMs = 5_000;

/**
 * Reads the PROXY header that a trusted proxy puts in front of each connection, and hands over what follows, the socket
 * paused. A connection that does not begin with one is closed: who speaks there could not be told.
 */
export function acceptProxied(socket: Socket, done: (facts: ProxyFacts | undefined, rest: Buffer) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), headerTimeoutMs);
  const onError = () => socket.destroy();
  const onClose = () => clearTimeout(timer);
  const onData = (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const header = parseProxyHeader(bytes);
    if (header.kind === "partial") return;
    if (header.kind === "invalid") {
      socket.destroy();
      return;
    }
    clearTimeout(timer);
    socket.pause();
    socket.off("data", onData).off("error", onError).off("close", onClose);
    done(header.facts, bytes.subarray(header.length));
  };
  socket.on("data", onData).on("error", onError).on("close", onClose);
  socket.resume();
}

/** IPv4 as IPv4, also where it came through an IPv6 socket. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
