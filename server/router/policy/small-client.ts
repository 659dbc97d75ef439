import type { IncomingMessage, RequestOptions } from "node:http";
import { nodeHttp } from "../node-http.ts";
import type { Field } from "../middleware.ts";

export interface SmallAnswer {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: Buffer;
}

export interface SmallRequest {
  readonly method?: string;
  readonly fields: readonly Field[];
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** One request to a helper of a route. Redirects are not followed. @throws when it gives no whole answer in time */
export function askSmall(url: string, options: SmallRequest): Promise<SmallAnswer> {
  const place = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = open(place, {
      method: options.method ?? "GET",
      headers: options.fields.flatMap(([name, value]) => [name, value]),
      setHost: false,
    });
    const timer = setTimeout(() => sent.destroy(new Error("it did not answer in time")), options.timeoutMs);
    sent.once("error", reject);
    sent.once("close", () => {
      clearTimeout(timer);
      reject(new Error("it closed the connection"));
    });
    sent.once("response", (answer) => collect(answer, options.maxBytes, resolve, reject));
    sent.end();
  });
}

function open(place: URL, options: RequestOptions) {
  const target = { ...options, host: place.hostname.replace(/^\[|\]$/g, ""), path: place.pathname + place.search };
  if (place.protocol === "https:") {
    const { request } = process.getBuiltinModule("node:https");
    return request({ ...target, port: place.port || 443, servername: place.hostname });
  }
  return nodeHttp().request({ ...target, port: place.port || 80 });
}

function collect(
  answer: IncomingMessage,
  maxBytes: number,
  resolve: (answer: SmallAnswer) => void,
  reject: (err: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  answer.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBytes) answer.destroy(new Error("its answer is too long"));
    else chunks.push(chunk);
  });
  answer.once("error", reject);
  answer.once("end", () => {
    const { rawHeaders: raw } = answer;
    const fields = raw.flatMap((name, i): Field[] => (i % 2 === 0 ? [[name, raw[i + 1] ?? ""]] : []));
    resolve({ status: answer.statusCode ?? 502, fields, body: Buffer.concat(chunks) });
  });
}
