import { reasonOf } from "../node-http.ts";
import { renderFailure } from "../failures.ts";
import { randomUUID } from "node:crypto";

/** The answer to what cannot be routed at all; the connection ends with it. */
export function refusalText(status: number): Buffer {
  const { headers, body } = renderFailure("H26", randomUUID(), "", status);
  let head = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return Buffer.concat([Buffer.from(`${head}Connection: close\r\n\r\n`, "latin1"), body]);
}
