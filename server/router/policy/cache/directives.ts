/** `Cache-Control` (RFC 9111 5.2): lower-case name → argument, "" where it has none. The first of a name counts. */
export function directivesOf(header: string | undefined): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const [, name = "", quoted, token] of (header ?? "").matchAll(
    /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;]*)))?/g,
  )) {
    const lower = name.toLowerCase();
    if (!directives.has(lower)) directives.set(lower, quoted ?? token ?? "");
  }
  return directives;
}

/** A number of seconds in ms; what is no number counts as 0: stale. Undefined when it is not given. */
export function secondsOf(directives: ReadonlyMap<string, string>, name: string): number | undefined {
  const raw = directives.get(name);
  if (raw === undefined) return undefined;
  return /^\d+$/.test(raw) ? Math.min(Number(raw), 2 ** 31) * 1000 : 0;
}
