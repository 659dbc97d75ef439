import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import tls from "node:tls";
import { WebSocket } from "ws";

/** A connection that broke under a request or a WebSocket. The client tried again at once. */
export interface Break {
  readonly kind: Kind;
  readonly localPort: number;
  readonly text: string;
}

export type Kind = "kept" | "new" | "upload" | "socket" | "http2";

export interface StormTarget {
  readonly host: string;
  readonly httpPort: () => number;
  readonly httpsPort: () => number;
}

const clients: Readonly<Record<Kind, number>> = { kept: 6, new: 4, upload: 3, socket: 6, http2: 3 };
const pauseMs = 80;
const patienceMs = 20_000;

/** The connection was lost, or never came to be, and not by what the server said on it. */
class Broken extends Error {
  readonly localPort: number;

  constructor(localPort: number, message: string) {
    super(message);
    this.localPort = localPort;
  }
}

/** Clients of every kind, each sending one request after the other until it is stopped. */
export class Storm implements AsyncDisposable {
  readonly #target: StormTarget;
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  /** Wrong answers, and requests that failed again when they were repeated. */
  readonly failures: string[] = [];
  readonly breaks: Break[] = [];
  readonly counts: Record<Kind, number> = { kept: 0, new: 0, upload: 0, socket: 0, http2: 0 };
  readonly bodies = new Set<string>();
  /** WebSockets that the app has ended with 1001; each client opened another at once. */
  goodbyes = 0;

  constructor(target: StormTarget, kinds: readonly Kind[] = Object.keys(clients) as Kind[]) {
    this.#target = target;
    const all = kinds.flatMap((kind) => Array.from({ length: clients[kind] }, () => this.#client(kind)));
    this.#running = Promise.all(all);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #client(kind: Kind): Promise<void> {
    await using stack = new AsyncDisposableStack();
    const ask = this.#asker(kind, stack);
    while (!this.#stopping.signal.aborted) {
      await this.#once(kind, ask);
      await delay(pauseMs);
    }
  }

  async #once(kind: Kind, ask: () => Promise<void>): Promise<void> {
    const began = Date.now();
    const say = (err: unknown) => `${kind} ${new Date(began).toISOString()} +${Date.now() - began} ms: ${String(err)}`;
    try {
      await ask().catch((err: unknown) => {
        if (!(err instanceof Broken)) throw err;
        this.breaks.push({ kind, localPort: err.localPort, text: say(err) });
        return ask();
      });
      this.counts[kind] += 1;
    } catch (err) {
      this.failures.push(say(err));
    }
  }

  #asker(kind: Kind, stack: AsyncDisposableStack): () => Promise<void> {
    if (kind === "socket") return this.#socketAsker(stack);
    if (kind === "http2") return this.#http2Asker(stack);
    const agent = kind === "new" ? false : new http.Agent({ keepAlive: true, maxSockets: 1 });
    if (agent !== false) stack.defer(() => agent.destroy());
    if (kind === "upload") return () => this.#upload((body) => this.#request(agent, body));
    return async () => void this.bodies.add(await this.#request(agent));
  }

  async #upload(send: (body: Buffer) => Promise<string>): Promise<void> {
    const body = randomBytes(100_000 + Math.floor(Math.random() * 900_000));
    const told = await send(body);
    const hash = createHash("sha256").update(body).digest("hex");
    if (told !== hash) throw new Error(`the app got ${told}, not ${hash}`);
  }

  #request(agent: http.Agent | false, body?: Buffer): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const { host, httpPort } = this.#target;
    const headers = { host, ...(body === undefined ? {} : { "content-length": body.length }) };
    const method = body === undefined ? "GET" : "POST";
    const request = http.request({ host: "127.0.0.1", port: httpPort(), method, headers, agent, timeout: patienceMs });
    let localPort = () => 0;
    const broken = (err: Error) => reject(toBroken(err, localPort()));
    request.once("socket", (socket) => (localPort = portOf(socket)));
    request.on("timeout", () => reject(new Error("no answer in time")));
    request.on("error", broken);
    request.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("error", broken);
      response.once("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`status ${response.statusCode} ${response.headers["x-paas-error"] as string}`));
      });
    });
    request.end(body);
    return promise;
  }

  // WebSockets: each echo is a request; one that says good-bye is followed by another at once.

  #socketAsker(stack: AsyncDisposableStack): () => Promise<void> {
    let current: EchoSocket | undefined;
    let count = 0;
    stack.defer(() => current?.close());
    return async () => {
      if (current?.goodbye === 1001) {
        this.goodbyes += 1;
        current = undefined;
      }
      try {
        current ??= await EchoSocket.open(this.#target);
        if (await current.echo(String(++count))) return;
        // It said good-bye before it heard this: the next socket hears it.
        this.goodbyes += 1;
        current = undefined;
        current = await EchoSocket.open(this.#target);
        if (!(await current.echo(String(count)))) throw new Error("a new WebSocket is ended at once");
      } catch (err) {
        current = undefined;
        throw err;
      }
    };
  }

  // HTTP/2: a GOAWAY says which requests were not looked at; clients send those again (RFC 9113 §6.8).

  #http2Asker(stack: AsyncDisposableStack): () => Promise<void> {
    let session: Http2Session | undefined;
    let turn = 0;
    stack.defer(() => session?.http2.destroy());
    const send = async (body?: Buffer): Promise<string> => {
      for (;;) {
        if (session === undefined || session.http2.closed || session.http2.destroyed)
          session = openSession(this.#target);
        const answer = await askOver(session, this.#target.host, body);
        if (answer !== undefined) return answer;
        session = undefined;
      }
    };
    return async () => {
      turn += 1;
      if (turn % 3 === 0) await this.#upload(send);
      else this.bodies.add(await send());
    };
  }
}

class EchoSocket {
  readonly #socket: WebSocket;
  readonly #localPort: () => number;
  /** The code of its end; undefined while it is open. */
  goodbye: number | undefined;

  private constructor(socket: WebSocket, localPort: () => number) {
    this.#socket = socket;
    this.#localPort = localPort;
    socket.on("error", () => {});
    socket.once("close", (code) => (this.goodbye = code));
  }

  static async open({ host, httpPort }: StormTarget): Promise<EchoSocket> {
    const tcp = connect(httpPort(), "127.0.0.1");
    const localPort = portOf(tcp);
    const options = { headers: { host }, handshakeTimeout: patienceMs, createConnection: () => tcp };
    const socket = new WebSocket("ws://127.0.0.1/", options);
    const one = new EchoSocket(socket, localPort);
    try {
      await once(socket, "open");
    } catch (err) {
      throw toBroken(err as Error, localPort());
    }
    return one;
  }

  /** False when the app has said good-bye instead. */
  async echo(text: string): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const heard = (data: Buffer) => {
      if (data.toString() === text) resolve(true);
      else reject(new Error(`the echo of ${text} was ${data.toString()}`));
    };
    const ended = () => {
      if (this.goodbye === 1001) resolve(false);
      else reject(new Broken(this.#localPort(), `WebSocket ended with ${this.goodbye}`));
    };
    const timer = setTimeout(() => reject(new Error(`no echo of ${text} in time`)), patienceMs);
    this.#socket.once("message", heard).once("close", ended);
    if (this.goodbye === undefined) this.#socket.send(text, () => {});
    else ended();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#socket.off("message", heard).off("close", ended);
    }
  }

  async close(): Promise<void> {
    if (this.goodbye !== undefined) return;
    this.#socket.close(1000);
    await once(this.#socket, "close");
  }
}

interface Http2Session {
  readonly http2: http2.ClientHttp2Session;
  readonly localPort: () => number;
}

function openSession({ host, httpsPort }: StormTarget): Http2Session {
  const to = { host: "127.0.0.1", port: httpsPort(), servername: host };
  const socket = tls.connect({ ...to, ALPNProtocols: ["h2"], rejectUnauthorized: false });
  const session = http2.connect(`https://${host}`, { createConnection: () => socket });
  session.on("error", () => {});
  return { http2: session, localPort: portOf(socket) };
}

/** Undefined when the server has not looked at it. */
function askOver(session: Http2Session, host: string, body?: Buffer): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const method = body === undefined ? "GET" : "POST";
  const length = body === undefined ? {} : { "content-length": body.length };
  const stream = session.http2.request({ ":authority": host, ":path": "/", ":method": method, ...length });
  let status = 0;
  let text = "";
  let isWhole = false;
  stream.setTimeout(patienceMs, () => reject(new Error("no answer in time")));
  stream.on("error", () => {});
  stream.on("response", (headers) => (status = Number(headers[":status"])));
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  stream.once("end", () => (isWhole = status !== 0 && stream.rstCode === http2.constants.NGHTTP2_NO_ERROR));
  stream.once("close", () => {
    if (isWhole && status === 200) resolve(text);
    else if (isWhole) reject(new Error(`status ${status}`));
    else if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) resolve(undefined);
    else reject(new Broken(session.localPort(), `stream ended with ${stream.rstCode}`));
  });
  stream.end(body);
  return promise;
}

/** A connection that was refused is no break: nobody listened. */
function toBroken(err: Error, localPort: number): Error {
  const code = "code" in err ? err.code : undefined;
  const isBreak = code === "ECONNRESET" || code === "EPIPE" || err.message === "socket hang up";
  return isBreak ? new Broken(localPort, err.message) : err;
}

/** Tells the port also when the socket is closed. */
function portOf(socket: Socket): () => number {
  let port = 0;
  const look = () => (port = socket.localPort ?? port);
  if (socket.connecting) socket.once("connect", look);
  else look();
  return () => port;
}
