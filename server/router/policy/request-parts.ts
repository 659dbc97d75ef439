/** The value of a cookie, as sent. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  // Lines of a field are joined by commas, those of Cookie should have been by semicolons.
  for (const pair of header.split(/;\s*|,\s*(?=[^;,=\s]+=)/)) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** The header without this cookie; undefined when nothing is left. */
export function withoutCookie(header: string, isDropped: (name: string) => boolean): string | undefined {
  const kept = header.split(/;\s*/).filter((pair) => !isDropped(pair.split("=", 1)[0]?.trim() ?? ""));
  return kept.length === 0 ? undefined : kept.join("; ");
}

export interface SetCookie {
  readonly name: string;
  readonly value: string;
  /** Lower-case name → value, "" for flags. */
  readonly attributes: ReadonlyMap<string, string>;
}

/** The cookie that an answer sets, from all its lines joined by commas. */
export function setCookieOf(header: string | undefined, name: string): SetCookie | undefined {
  if (header === undefined) return undefined;
  // A comma stands in dates too, but there no `name=` follows it.
  for (const line of header.split(/,\s*(?=[^;,=\s]+=)/)) {
    const [pair = "", ...rest] = line.split(/;\s*/);
    const equals = pair.indexOf("=");
    if (equals < 1 || pair.slice(0, equals).trim() !== name) continue;
    const attributes = rest.map((part): [string, string] => {
      const [key = "", value = ""] = part.split("=", 2);
      return [key.trim().toLowerCase(), value.trim()];
    });
    return { name, value: pair.slice(equals + 1), attributes: new Map(attributes) };
  }
  return undefined;
}

/** A query parameter; undefined when there is none. */
export function queryOf(target: string, name: string): string | undefined {
  const start = target.indexOf("?");
  return start === -1 ? undefined : (new URLSearchParams(target.slice(start + 1)).get(name) ?? undefined);
}

/** `/a?b` in `/a` and `?b`. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const start = target.indexOf("?");
  return start === -1 ? { path: target, query: "" } : { path: target.slice(0, start), query: target.slice(start) };
}

/** Whether the path is the prefix or below it, by whole segments. */
export function isBelow(path: string, prefix: string): boolean {
  if (prefix === "/") return true;
  return path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 47);
}
