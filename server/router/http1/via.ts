import type { AnswerStart } from "../sides.ts";

const fieldsFor = (version: AnswerStart["via"]): Buffer =>
  Buffer.from(`Via: ${version} paas\r\nX-Request-Id: `, "latin1");
const usual = fieldsFor("1.1");
const old = fieldsFor("1.0");
const http2 = fieldsFor("2.0");

/** What the router adds to an answer, up to the request's id. */
export function ownFields(via: AnswerStart["via"]): Buffer {
  if (via === "1.1") return usual;
  return via === "2.0" ? http2 : old;
}
