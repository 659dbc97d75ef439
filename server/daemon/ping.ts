import http from "node:http";
import { json } from "node:stream/consumers";

const timeoutMs = 2000;

export interface Ping {
  /** ssh, HTTP and API all listen. */
  readonly isReady: boolean;
  /** What does not listen, each with the reason. */
  readonly closed: readonly string[];
}

/** What the daemon at the socket says of itself; undefined when none answers. */
export async function pingDaemon(socketPath: string): Promise<Ping | undefined> {
  try {
    const response = await get(socketPath);
    const { closed = [] } = (await json(response)) as Partial<Ping>;
    return { isReady: response.statusCode === 200, closed };
  } catch {
    return undefined;
  }
}

function get(socketPath: string): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    http.get({ socketPath, path: "/healthz", signal }, resolve).once("error", reject);
  });
}
