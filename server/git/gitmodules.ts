/** A submodule as `.gitmodules` has it. */
export interface SubmoduleEntry {
  readonly path: string;
  readonly url: string;
}

/** Reads what `git config --null --get-regexp '^submodule\.'` prints of a `.gitmodules`. Later values win. */
export function parseGitmodules(listing: string): readonly SubmoduleEntry[] {
  const byName = new Map<string, { path?: string; url?: string }>();
  for (const record of listing.split("\0")) {
    const match = /^submodule\.(.*)\.(path|url)\n(.*)$/s.exec(record);
    if (match === null) continue;
    const [, name = "", key = "", value = ""] = match;
    byName.set(name, { ...byName.get(name), [key]: value });
  }
  return [...byName.values()].flatMap(({ path, url }) =>
    path === undefined || url === undefined ? [] : [{ path, url }],
  );
}

/** A commit of another repository inside a tree. */
export interface Gitlink {
  readonly path: string;
  readonly commit: string;
}

/** Reads the submodules out of what `git ls-files --stage -z` prints. */
export function parseGitlinks(listing: string): readonly Gitlink[] {
  return listing.split("\0").flatMap((record) => {
    const match = /^160000 ([0-9a-f]+) \d\t(.*)$/s.exec(record);
    return match === null ? [] : [{ commit: match[1] ?? "", path: match[2] ?? "" }];
  });
}

const allowed = new Set(["https:", "http:", "ssh:", "git:"]);

/**
 * The URL to fetch a submodule from; a relative one is resolved against the repository that names it. Undefined for what
 * must not or cannot be fetched: files of this machine, remote helpers, a relative URL of the pushed repository itself.
 */
export function submoduleUrl(url: string, parent: string | undefined): string | undefined {
  if (url.startsWith("./") || url.startsWith("../")) {
    return parent === undefined ? undefined : submoduleUrl(relative(url, parent), undefined);
  }
  // `user@host:path`, git's short form of ssh.
  if (/^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(?!\/\/)[^:]/.test(url)) return url;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !allowed.has(parsed.protocol) || !url.includes("://")) return undefined;
  return /^[A-Za-z0-9[]/.test(parsed.hostname) ? url : undefined;
}

function relative(url: string, parent: string): string {
  let base = `${parent.replace(/\/+$/, "")}/`;
  let rest = url;
  while (rest.startsWith("./") || rest.startsWith("../")) {
    // `host:repo` has no slash to cut at; its colon stays.
    if (rest.startsWith("../")) base = base.replace(/([/:])[^/:]*\/$/, "$1");
    rest = rest.slice(rest.indexOf("/") + 1);
  }
  return base + rest;
}

/** The URL without what may be a secret. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1");
}
