import {
  type Agent,
  createServer,
  type IncomingHttpHeaders,
  request,
  type RequestListener,
  type Server,
} from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from "node:net";
import type { Readable } from "node:stream";
import { DataPath, type DataPathOptions } from "../../../server/router/data-path.ts";
import { unpackRecords } from "../../../server/router/packed-records.ts";
import type { RequestRecord, TableRoute, Target } from "../../../server/router/protocol.ts";
import { RecordBuffer } from "../../../server/router/record-buffer.ts";
import { newTicketKeys } from "../../../server/router/tls/ticket-keys.ts";
import { testCa } from "../../support/test-ca.ts";

export interface Instance extends AsyncDisposable {
  readonly target: Target;
  readonly server: Server;
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** Ends all connections, tunnels too. */
  readonly cut: () => void;
}

let nextInstance = 1;

export async function startInstance(handler: RequestListener, prepare?: (server: Server) => void): Promise<Instance> {
  const server = createServer(handler);
  prepare?.(server);
  let connections = 0;
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const port = await listen(server);
  const number = nextInstance++;
  return {
    target: { id: `instance-${number}`, name: `web.${number}`, host: "127.0.0.1", port },
    server,
    connections: () => connections,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface RawInstance extends AsyncDisposable {
  readonly target: Target;
}

/** An instance that does with each connection what it wants. */
export async function startRawInstance(onConnection: (socket: Socket) => void): Promise<RawInstance> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  const port = await listen(server);
  const number = nextInstance++;
  return {
    target: { id: `raw-${number}`, name: `web.${number}`, host: "127.0.0.1", port },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A port that nobody listens on. */
export async function deadTarget(): Promise<Target> {
  const instance = await startRawInstance(() => {});
  await instance[Symbol.asyncDispose]();
  return instance.target;
}

export function routeTo(targets: readonly Target[], change: Partial<TableRoute> = {}): TableRoute {
  return { host: "shop.test", path: "/", app: "shop", state: "running", targets, ...change };
}

export interface TestRouter extends AsyncDisposable {
  readonly port: number;
  readonly dataPath: DataPath;
  readonly records: readonly RequestRecord[];
  apply(routes: readonly TableRoute[]): void;
}

/** What is in the buffer now, behind what was taken out of it before. */
export function takeRecords(records: RecordBuffer, taken: RequestRecord[]): readonly RequestRecord[] {
  for (const { packed } of records.drain()) taken.push(...unpackRecords(packed));
  return taken;
}

function testRouter(dataPath: DataPath, port: number, records: RecordBuffer): TestRouter {
  const taken: RequestRecord[] = [];
  return {
    port,
    dataPath,
    get records() {
      return takeRecords(records, taken);
    },
    apply: (next) => dataPath.apply({ version: 2, routes: next }),
    [Symbol.asyncDispose]: () => dataPath.close(0),
  };
}

export async function startDataPath(
  routes: readonly TableRoute[],
  policy: DataPathOptions["policy"] = {},
): Promise<TestRouter> {
  const records = new RecordBuffer();
  const table = { version: 1, routes };
  const dataPath = new DataPath({ listen: "127.0.0.1", port: 0, table, records, policy });
  const { http: port } = await dataPath.listen();
  return testRouter(dataPath, port, records);
}

/** Takes TLS alone, for `names`, the first for whoever names none. */
export async function startSecureDataPath(
  routes: readonly TableRoute[],
  policy: DataPathOptions["policy"] = {},
  names: readonly string[] = ["shop.test"],
): Promise<TestRouter> {
  const ca = await testCa();
  const { cert, key } = await ca.issue(names);
  const certificate = { names, chain: cert + ca.issuer, key };
  const secrets = {
    encryption: { certificates: [certificate], fallback: certificate, challenges: [] },
    ticketKeys: newTicketKeys(),
  };
  const records = new RecordBuffer();
  const table = { version: 1, routes };
  const dataPath = new DataPath({ listen: "127.0.0.1", port: 0, tls: { port: 0, secrets }, table, records, policy });
  const { https: port = 0 } = await dataPath.listen();
  return testRouter(dataPath, port, records);
}

export interface AskOptions {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Readable;
  /** A connection for itself without one. */
  readonly agent?: Agent;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
}

/** One request on a connection of its own. */
export function ask(port: number, options: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", host = "shop.test", path = "/", headers = {}, body, agent = false } = options;
    const req = request({ host: "127.0.0.1", port, method, path, headers: { host, ...headers }, agent }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", reject);
      res.on("end", () => {
        const text = Buffer.concat(chunks).toString("latin1");
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text, trailers: res.trailers });
      });
    });
    req.on("error", reject);
    if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) req.end(body);
    else body.pipe(req);
  });
}

/** Sends bytes as they are and answers all that comes back until the connection ends or is silent for `quietMs`. */
export function sendRaw(port: number, bytes: string, quietMs = 300): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let received = "";
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.on("data", (chunk) => (received += chunk.toString("latin1")));
    socket.on("error", () => {});
    socket.once("close", () => resolve(received));
    socket.write(bytes, "latin1");
  });
}

export async function eventually(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error("it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function listen(server: TcpServer): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** One that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
