import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type FailureAnswer, renderFailure } from "./failures.ts";
import { requestFields, requestIdOf } from "./headers.ts";
import { type Accepted, inspect } from "./inspect.ts";
import { Journal } from "./journal.ts";
import type { Traffic } from "./traffic.ts";

/** A request that may be routed, and what is said about it on the way. */
export class Incoming {
  readonly req: IncomingMessage;
  readonly request: Accepted;
  readonly requestId: string;
  readonly #clientAddress: string;

  constructor(req: IncomingMessage, request: Accepted, requestId: string) {
    this.req = req;
    this.request = request;
    this.requestId = requestId;
    // IPv4 as IPv4, also where it came through an IPv6 socket.
    this.#clientAddress = (req.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  }

  get accept(): string {
    return this.req.headers.accept ?? "";
  }

  journal(traffic: Traffic): Journal {
    return new Journal(traffic, {
      method: this.request.method,
      path: this.request.target,
      host: this.request.host,
      requestId: this.requestId,
      raw: this.req.rawHeaders,
      clientAddress: this.#clientAddress,
    });
  }

  /** The fields that an instance gets. */
  fields(expectsContinue: boolean, upgrade: string | undefined): string[] {
    return requestFields({
      raw: this.req.rawHeaders,
      authority: this.request.authority,
      method: this.request.method,
      clientAddress: this.#clientAddress,
      port: this.req.socket.localPort ?? 80,
      requestId: this.requestId,
      now: Date.now(),
      body: this.request.body,
      expectsContinue,
      upgrade,
    });
  }
}

/** What is refused is counted, and belongs to no app. */
export function receive(traffic: Traffic, req: IncomingMessage): Incoming | FailureAnswer {
  const requestId = requestIdOf(req.rawHeaders, randomUUID);
  const head = { method: req.method ?? "", target: req.url ?? "", httpVersion: req.httpVersion, raw: req.rawHeaders };
  const inspection = inspect(head, traffic.policy.maxHeaders);
  if (inspection.ok) return new Incoming(req, inspection.request, requestId);
  traffic.finished("H26", undefined);
  return renderFailure("H26", requestId, req.headers.accept ?? "", inspection.status);
}
