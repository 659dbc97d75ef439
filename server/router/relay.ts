import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { endToEnd, trailerPairs } from "./headers.ts";

/** Streams a request's body and its trailers to the instance. Back pressure goes from the instance to the client. */
export function relayRequest(from: IncomingMessage, to: ClientRequest, onBytes: () => void): void {
  from.on("data", onBytes);
  from.pipe(to, { end: false });
  from.once("end", () => {
    if (to.destroyed) return;
    const trailers = trailerPairs(from.rawTrailers);
    if (trailers.length > 0) to.addTrailers(trailers);
    to.end();
  });
}

export interface AnswerEvents {
  bytes(count: number): void;
  /** The whole answer is here. */
  complete(): void;
  /** It was cut. */
  cut(): void;
}

/** Streams an answer's body and its trailers to the client. */
export function relayAnswer(from: IncomingMessage, to: ServerResponse, events: AnswerEvents): void {
  from.on("data", (chunk: Buffer) => events.bytes(chunk.length));
  from.pipe(to, { end: false });
  from.once("end", () => {
    if (!from.complete) return;
    events.complete();
    const trailers = trailerPairs(from.rawTrailers);
    if (trailers.length > 0 && to.chunkedEncoding) to.addTrailers(trailers);
    to.end();
  });
  from.on("error", () => {});
  from.once("close", () => {
    if (!from.complete) events.cut();
  });
  // A body that comes late must not hold back the head; one that is here already goes out with it.
  setImmediate(() => {
    if (!to.destroyed && !to.writableEnded) to.flushHeaders();
  });
}

/** Passes an interim answer (103 …) on. */
export function relayInformation(to: ServerResponse, status: number, message: string, raw: readonly string[]): void {
  const { socket } = to;
  if (to.headersSent || socket === null || !socket.writable || to.req.httpVersion !== "1.1") return;
  socket.write(headText(status, message, endToEnd(raw)), "latin1");
}

/** The head of an answer as it stands on the wire. The fields come from a parser: there is no line end in them. */
export function headText(status: number, message: string, fields: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${message}\r\n`;
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${text}\r\n`;
}
