import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { Duplex } from "node:stream";
import { streamProtocol } from "../server/core/frames.ts";
import { heartbeatMs } from "../server/core/records.ts";
import { describeConnection, type Connection } from "./connection.ts";
import { CliError } from "./failure.ts";

/** Streams say that they are alive more often than this. */
const silenceTimeoutMs = 4 * heartbeatMs;

export interface Call {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly json?: unknown;
  /** Sent as it comes, instead of `json`. */
  readonly body?: AsyncIterable<Uint8Array>;
}

/** One request. Answers once the head of the response is there. @throws CliError when nobody answers */
export async function send(connection: Connection, call: Call): Promise<IncomingMessage> {
  const body = call.json === undefined ? undefined : JSON.stringify(call.json);
  const request = begin(connection, {
    method: call.method.toUpperCase(),
    path: call.path,
    headers:
      body === undefined
        ? bodyHeaders(call)
        : { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
  });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", (err) => reject(unreachable(connection, err)));
  });
  if (call.body === undefined) request.end(body);
  else void sendAll(request, call.body);
  return response;
}

function bodyHeaders({ body }: Call): Record<string, string> {
  return body === undefined ? {} : { "content-type": "application/octet-stream" };
}

/** An answer before the end, as to one that may not, ends the sending. */
async function sendAll(request: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  const answered = new Promise<void>((resolve) => request.once("response", resolve));
  let isAnswered = false;
  void answered.then(() => (isAnswered = true));
  try {
    for await (const chunk of body) {
      if (isAnswered || request.destroyed) break;
      if (!request.write(chunk)) {
        await Promise.race([new Promise<void>((resolve) => request.once("drain", resolve)), answered]);
      }
    }
    if (!request.destroyed) request.end();
  } catch (err) {
    request.destroy(err instanceof Error ? err : new Error(String(err)));
  }
}

/** Asks for an interactive stream. Answers the connection, or the response that refused it. */
export async function upgrade(
  connection: Connection,
  path: string,
): Promise<{ readonly socket: Duplex; readonly head: Buffer } | { readonly refusal: IncomingMessage }> {
  const request = begin(connection, { path, headers: { connection: "Upgrade", upgrade: streamProtocol } });
  return new Promise((resolve, reject) => {
    request.once("upgrade", (_response, socket, head) => resolve({ socket, head }));
    request.once("response", (refusal) => resolve({ refusal }));
    request.on("error", (err) => reject(unreachable(connection, err)));
    request.end();
  });
}

function begin(connection: Connection, options: RequestOptions): ClientRequest {
  const request = requestFunction(connection)({
    ...addressOf(connection),
    ...options,
    headers: headersOf(connection, options),
  });
  request.setTimeout(silenceTimeoutMs, () => request.destroy(new Error(`silent for ${silenceTimeoutMs / 1000} s`)));
  return request;
}

// An import statement would evaluate every export of node:http, WebSocket and fetch among them: 30 ms of start-up.
function requestFunction(connection: Connection) {
  const isTls = connection.kind === "http" && connection.url.protocol === "https:";
  return isTls ? process.getBuiltinModule("node:https").request : process.getBuiltinModule("node:http").request;
}

function addressOf(connection: Connection): RequestOptions {
  if (connection.kind === "unix") return { socketPath: connection.socketPath };
  const { hostname, port } = connection.url;
  return { hostname: hostname.replace(/^\[|\]$/g, ""), ...(port === "" ? {} : { port }) };
}

function headersOf(connection: Connection, { headers }: RequestOptions): Record<string, string | number> {
  return {
    ...(headers as Record<string, string | number> | undefined),
    host: connection.kind === "unix" ? "localhost" : connection.url.host,
    ...(connection.token === undefined ? {} : { authorization: `Bearer ${connection.token}` }),
  };
}

function unreachable(connection: Connection, err: NodeJS.ErrnoException): CliError {
  const where = describeConnection(connection);
  if (connection.kind === "http") {
    return new CliError(
      `No daemon answers at ${where}: ${err.code ?? err.message}.`,
      "Check the address, or log in again: paas login URL",
    );
  }
  if (err.code === "EACCES") {
    return new CliError(`You may not use the daemon's socket ${where}.`, "Log in with a token instead: paas login URL");
  }
  if (err.code === "ENOENT" || err.code === "ECONNREFUSED") {
    return new CliError(`The daemon does not run (nothing answers at ${where}).`, "Start it with: paas up --detach");
  }
  return new CliError(
    `The daemon at ${where} broke off: ${err.code ?? err.message}.`,
    "Look at its state with: paas doctor",
  );
}
