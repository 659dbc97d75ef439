import { reasonOf } from "./node-http.ts";
import type { FailureAnswer } from "./failures.ts";
import type { OwnAnswer } from "./middleware.ts";
import { putText } from "./http1/bytes.ts";
import { out, reserve } from "./http1/slab.ts";
import type { AnswerStart, ClientSide } from "./sides.ts";
import { framing } from "./sides.ts";

/** An answer that the router gives itself. `fields` are name, value, name, value. */
export interface Said {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: Buffer;
}

/** A policy's answer, with the request's id. */
export function answerOf({ status, fields, body }: OwnAnswer, requestId: string): FailureAnswer {
  const hasId = fields.some(([name]) => name.toLowerCase() === "x-request-id");
  return {
    status,
    headers: [...fields.flat(), ...(hasId ? [] : ["X-Request-Id", requestId])],
    body: Buffer.from(body),
  };
}

/** Says it to the client, whole. `Content-Length` is added. */
export function say(client: ClientSide, said: Said): void {
  const { status, fields, body } = said;
  const line = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`;
  let text = "";
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() !== "content-length") text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  }
  const hasBody = status !== 204 && status !== 304;
  if (hasBody) text += `Content-Length: ${body.length}\r\n`;
  const isSent = hasBody && client.facts.method !== "HEAD";
  const kind = isSent ? framing.length : framing.none;
  sayHead(client, line, text, { status, framing: kind, length: body.length, via: "1.1" });
  if (isSent) client.answerData(body, 0, body.length);
  client.answerEnd("");
}

/** Begins an answer whose head is text: the status line with its line end, and the field lines. */
export function sayHead(
  client: ClientSide,
  line: string,
  fields: string,
  start: Pick<AnswerStart, "status" | "framing" | "length" | "via">,
): void {
  const at = reserve(line.length + fields.length + 4_096);
  const fieldsStart = putText(out.buffer, at, line);
  const fieldsEnd = putText(out.buffer, fieldsStart, fields);
  client.answer({ ...start, lineStart: at, fieldsStart, fieldsEnd, upgrade: "" }, out.buffer);
}
