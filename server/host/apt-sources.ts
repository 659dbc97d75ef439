/** Where Debian packages come from: `security` is undefined where the machine itself uses none. */
export interface DebianMirror {
  readonly archive: string;
  readonly security: string | undefined;
}

interface SourceEntry {
  readonly uri: string;
  readonly suites: readonly string[];
}

const publicMirror: DebianMirror = {
  archive: "http://deb.debian.org/debian",
  security: "http://deb.debian.org/debian-security",
};

/**
 * The Debian mirror that the machine's own apt uses, from the texts of `sources.list` and `sources.list.d/*`.
 * A machine that has none (Ubuntu, say) gets the public one.
 */
export function debianMirror(sources: readonly string[]): DebianMirror {
  const entries = sources.flatMap((text) => [...deb822Entries(text), ...oneLineEntries(text)]);
  const archive = entries.find((e) => /\/debian\/?$/.test(e.uri));
  if (archive === undefined) return publicMirror;
  const security = entries.find((e) => e.suites.some((suite) => /-security$|\/updates$/.test(suite)));
  return { archive: trimSlash(archive.uri), security: security && trimSlash(security.uri) };
}

/** Lines of a `sources.list` for a Debian release. */
export function sourceLines(mirror: DebianMirror, release: string): readonly string[] {
  const lines = [`deb ${mirror.archive} ${release} main`, `deb ${mirror.archive} ${release}-updates main`];
  return mirror.security === undefined ? lines : [...lines, `deb ${mirror.security} ${release}-security main`];
}

function oneLineEntries(text: string): readonly SourceEntry[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)/.exec(line);
    return isWeb(match?.[1]) ? [{ uri: match?.[1] ?? "", suites: [match?.[2] ?? ""] }] : [];
  });
}

function deb822Entries(text: string): readonly SourceEntry[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = fieldsOf(stanza);
    if (!words(fields.get("types")).includes("deb") || fields.get("enabled") === "no") return [];
    const suites = words(fields.get("suites"));
    return words(fields.get("uris"))
      .filter(isWeb)
      .map((uri) => ({ uri, suites }));
  });
}

function fieldsOf(stanza: string): ReadonlyMap<string, string> {
  const lines = stanza.split("\n").filter((line) => !line.startsWith("#"));
  const pairs = lines.flatMap((line) => {
    const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
    return match ? [[(match[1] ?? "").toLowerCase(), (match[2] ?? "").trim()] as const] : [];
  });
  return new Map(pairs);
}

const words = (value: string | undefined): readonly string[] => (value ?? "").split(/\s+/).filter(Boolean);
const isWeb = (uri: string | undefined): boolean => /^https?:\/\//.test(uri ?? "");
const trimSlash = (uri: string): string => uri.replace(/\/+$/, "");
