import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Actor } from "../core/types.ts";
import { AppError } from "../core/errors.ts";
import { ApiProblem } from "./failure.ts";
import type { Authenticator } from "./ports.ts";

/** How a request came in. Set by the listener, never taken from a header. */
export type Peer = "unix" | "tcp";

export interface ApiEnv {
  Bindings: { peer: Peer; incoming: IncomingMessage; outgoing: ServerResponse };
  Variables: { actor: Actor };
}

const owner: Actor = { kind: "owner", name: "owner" };

/**
 * Who asks. A token wins over the socket, so that a client that was started for somebody else acts as that person; who
 * reaches the socket (mode 0600) without a token is the owner of the machine.
 * @throws AppError UNAUTHENTICATED
 */
export function identify(peer: Peer, authorization: string | undefined, auth: Authenticator): Actor {
  if (authorization === undefined && peer === "unix") return owner;
  const token = tokenOf(authorization);
  const actor = token === undefined ? undefined : auth.byToken(token);
  if (actor === undefined) throw new AppError("UNAUTHENTICATED");
  return actor;
}

/** Of `Bearer <token>`, or of `Basic`, as git sends it: the password, else the user name. */
export function tokenOf(authorization: string | undefined): string | undefined {
  const [scheme = "", value = ""] = (authorization ?? "").split(" ");
  if (scheme.toLowerCase() === "bearer") return value === "" ? undefined : value;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const [user = "", ...password] = Buffer.from(value, "base64").toString("utf8").split(":");
  const token = password.join(":") || user;
  return token === "" ? undefined : token;
}

/**
 * A page in a browser can make a host name of its own point at this machine; it cannot choose the Host header.
 * @throws ApiProblem HOST_REFUSED
 */
export function checkHost(peer: Peer, headers: Pick<IncomingHttpHeaders, "host">, domain: string): void {
  if (peer === "unix") return;
  const host = (headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
  if (!["127.0.0.1", "[::1]", "localhost", `paas.${domain}`].includes(host)) throw new ApiProblem("HOST_REFUSED");
}
