import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { encodeJsonFrame, frameType, streamProtocol } from "../core/frames.ts";
import { parseAppName } from "../core/ids.ts";
import type { WireError } from "../core/records.ts";
import type { Actor } from "../core/types.ts";
import { ApiProblem, toWireError } from "./failure.ts";
import { check } from "./input.ts";
import { checkHost, identify, type Peer } from "./peer.ts";
import type { TaskStreams } from "./platform.ts";
import type { ApiDeps } from "./ports.ts";
import { command } from "./resources/tasks.ts";
import { StreamSession } from "./stream-session.ts";

/** Takes over a connection that asked for `Upgrade: paas-stream`. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, peer: Peer) => Promise<void>;

/** Starts what the path names, with the command that the client sends first; answers the exit code. */
type Start = (command: readonly string[], streams: TaskStreams, signal: AbortSignal) => Promise<number>;

/**
 * Interactive streams: `/v1/apps/<app>/run` and `/v1/apps/<app>/instances/<instance>/exec`. Host, token and rights are
 * checked before the connection is taken over. A client that goes away ends its command.
 */
export function createUpgrade(deps: ApiDeps): Upgrade {
  return async (request, socket, head, peer) => {
    socket.on("error", () => socket.destroy());
    const start = admit(deps, request, peer);
    if ("status" in start) return refuse(socket, start);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${streamProtocol}\r\n\r\n`);
    const session = new StreamSession(socket, head);
    try {
      const open = await session.opened();
      const signal = AbortSignal.any([session.gone, deps.shutdown]);
      const code = await start(open.command, session.streams(open), signal);
      session.close(encodeJsonFrame(frameType.exit, { code }));
    } catch (err) {
      session.close(encodeJsonFrame(frameType.error, session.gone.aborted ? {} : toWireError(err, deps.log)));
    }
  };
}

function admit(deps: ApiDeps, request: IncomingMessage, peer: Peer): Start | WireError {
  try {
    checkHost(peer, request.headers, deps.domain);
    const actor = identify(peer, request.headers.authorization, deps.auth);
    const target = targetOf(request.url ?? "");
    deps.authorize(actor, "app:run", { app: target.app });
    deps.auth.record(actor, target.instance === undefined ? "run" : `ps:exec ${target.instance}`, { app: target.app });
    return startOf(deps, actor, target);
  } catch (err) {
    return toWireError(err, deps.log);
  }
}

interface Target {
  readonly app: string;
  readonly instance: string | undefined;
}

/** @throws ApiProblem ENDPOINT_NOT_FOUND */
function targetOf(url: string): Target {
  const [, app, instance] = /^\/v1\/apps\/([a-z0-9-]+)\/(?:run|instances\/([A-Za-z0-9_.-]+)\/exec)$/.exec(url) ?? [];
  if (app === undefined) throw new ApiProblem("ENDPOINT_NOT_FOUND");
  return { app, instance };
}

function startOf(deps: ApiDeps, actor: Actor, { app, instance }: Target): Start {
  const { tasks } = deps.platform;
  const name = parseAppName(app);
  if (instance === undefined) {
    return (words, streams, signal) => tasks.run(actor, name, check(command, words), streams, signal);
  }
  // Without a command it is a shell.
  return (words, streams, signal) => tasks.exec(actor, name, instance, words, streams, signal);
}

function refuse(socket: Duplex, error: WireError): void {
  const body = JSON.stringify({ error });
  const head = [
    `HTTP/1.1 ${error.status} Refused`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
