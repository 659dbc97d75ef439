/** Fields as node:http2 gives them: name, value, name, value; pseudo fields first. */
export type RawHeaders = readonly string[];

/** Never in HTTP/2 (RFC 9113 §8.2.2); the messages' own framing tells where they end. */
export const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "te",
  "http2-settings",
]);

/** `name: value\r\n` for each plain field. Crumbs of a cookie become one line again (RFC 9113 §8.2.3). */
export function linesOf(raw: RawHeaders): string {
  let lines = "";
  const crumbs: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (name.startsWith(":") || connectionFields.has(name)) continue;
    if (name === "cookie") crumbs.push(raw[i + 1] ?? "");
    else lines += `${name}: ${raw[i + 1] ?? ""}\r\n`;
  }
  return crumbs.length === 0 ? lines : `${lines}cookie: ${crumbs.join("; ")}\r\n`;
}

export type Headers = Record<string, string | string[]>;

/** Field lines as node:http2 takes them. */
export function headersOf(lines: string): Headers {
  // Without a prototype: a field may be called `constructor`.
  const headers = Object.create(null) as Headers;
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    if (connectionFields.has(name)) continue;
    const value = line.slice(colon + 1).trim();
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return headers;
}
