import { randomUUID } from "node:crypto";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { Duplex } from "node:stream";
import type Docker from "dockerode";
import type { ConfigVars } from "../../core/types.ts";
import { bytesField, fieldsOf } from "./wire.ts";

const getSecret = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const health = "/grpc.health.v1.Health/Check";
/** HealthCheckResponse with the status SERVING. */
const serving = Buffer.of(8, 1);
const notFound = "5";
const unimplemented = "12";
const maxAskedBytes = 4096;

export interface BuildSession extends Disposable {
  readonly id: string;
}

/**
 * A session of BuildKit: a connection over which the engine asks us, by gRPC, for what a build needs of its caller. The
 * engine is the client on it. Secrets are all that we answer, so a value reaches the one step that mounts it and no image.
 */
export async function openSession(docker: Docker, secrets: ConfigVars): Promise<BuildSession> {
  const id = randomUUID();
  const socket = await upgrade(docker, id);
  socket.on("error", () => {});
  const session = http2.performServerHandshake(socket);
  // The engine goes away at the end of the build.
  session.on("error", () => {});
  session.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    answer(stream, headers[":path"] ?? "", secrets);
  });
  return {
    id,
    [Symbol.dispose]: () => {
      session.destroy();
      socket.destroy();
    },
  };
}

/** Where dockerode finds the engine. Its own hijack leaves the request open, whose end would then stand in our stream. */
interface EngineAddress {
  getSocketPath(): Promise<string> | undefined;
  readonly protocol?: string;
  readonly host?: string;
  readonly port?: number;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

async function upgrade(docker: Docker, id: string): Promise<Duplex> {
  const address = docker.modem as unknown as EngineAddress;
  const { protocol, host, port, ca, cert, key } = address;
  const socketPath = await address.getSocketPath();
  const headers = {
    Connection: "Upgrade",
    Upgrade: "h2c",
    "X-Docker-Expose-Session-Uuid": id,
    "X-Docker-Expose-Session-Name": "paas",
    "X-Docker-Expose-Session-Grpc-Method": getSecret,
  };
  const target = socketPath === undefined ? { host, port, ca, cert, key } : { socketPath };
  const send = protocol === "https" ? https.request : http.request;
  return new Promise((resolve, reject) => {
    const request = send({ ...target, method: "POST", path: "/session", headers, agent: false });
    request.once("upgrade", (_answer, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once("response", (response) => {
      response.resume();
      reject(new Error(`the engine opened no build session: it answered ${response.statusCode}`));
    });
    request.once("error", reject);
    request.end();
  });
}

function answer(stream: http2.ServerHttp2Stream, path: string, secrets: ConfigVars): void {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxAskedBytes) chunks.push(chunk);
  });
  stream.once("end", () => {
    if (path === health) return finish(stream, serving, "0");
    if (path !== getSecret) return finish(stream, undefined, unimplemented);
    const name = secretName(Buffer.concat(chunks));
    const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    if (value === undefined) return finish(stream, undefined, notFound, `secret ${name} is not given to this build`);
    return finish(stream, bytesField(1, Buffer.from(value)), "0");
  });
}

/** GetSecretRequest after gRPC's five bytes of flag and length. */
function secretName(framed: Buffer): string {
  return [...fieldsOf(framed.subarray(5))].find((f) => f.number === 1)?.bytes.toString() ?? "";
}

function finish(stream: http2.ServerHttp2Stream, message: Buffer | undefined, status: string, reason = ""): void {
  const trailers = { "grpc-status": status, ...(reason === "" ? {} : { "grpc-message": encodeURIComponent(reason) }) };
  const head = { ":status": 200, "content-type": "application/grpc" };
  if (message === undefined) {
    stream.respond({ ...head, ...trailers }, { endStream: true });
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([frame, message]));
}
