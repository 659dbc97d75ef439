/** Fields as node:http2 gives them: name, value, name, value; pseudo fields first. */
export type RawHeaders = readonly string[];

/** Never in HTTP/2 (RFC 9113 §8.2.2); the messages' own framing tells where they end. */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "te",
  "http2-settings",
]);

/** Values of a request's pseudo fields, empty for those that are not there. */
export function pseudoFields(raw: RawHeaders): { method: string; path: string; scheme: string; authority: string } {
  const found = { method: "", path: "", scheme: "", authority: "" };
  for (let i = 0; i < raw.length && raw[i]?.startsWith(":"); i += 2) {
    const name = raw[i]?.slice(1);
    if (name === "method" || name === "path" || name === "scheme" || name === "authority")
      found[name] = raw[i + 1] ?? "";
  }
  return found;
}

/** `name: value\r\n` for each plain field. Crumbs of a cookie become one line again (RFC 9113 §8.2.3). */
export function linesOf(raw: RawHeaders, isDropped: (name: string) => boolean = () => false): string {
  let lines = "";
  const crumbs: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (name.startsWith(":") || connectionFields.has(name) || isDropped(name)) continue;
    if (name === "cookie") crumbs.push(raw[i + 1] ?? "");
    else lines += `${name}: ${raw[i + 1] ?? ""}\r\n`;
  }
  return crumbs.length === 0 ? lines : `${lines}cookie: ${crumbs.join("; ")}\r\n`;
}

/** Field lines as a list of names and values, which node:http2 takes without looking for what stands in it twice. */
export function rawOf(lines: string, into: string[] = []): string[] {
  for (let start = 0, end = lines.indexOf("\r\n"); end !== -1; start = end + 2, end = lines.indexOf("\r\n", start)) {
    const colon = lines.indexOf(":", start);
    if (colon <= start || colon > end) continue;
    const name = lines.slice(start, colon).toLowerCase();
    if (!connectionFields.has(name)) into.push(name, lines.slice(colon + 1, end).trim());
  }
  return into;
}

export type Headers = Record<string, string | string[]>;

/** Field lines as node:http2 takes them. */
export function headersOf(lines: string, isDropped: (name: string) => boolean = () => false): Headers {
  // Without a prototype: a field may be called `constructor`.
  const headers = Object.create(null) as Headers;
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    if (connectionFields.has(name) || isDropped(name)) continue;
    const value = line.slice(colon + 1).trim();
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return headers;
}
