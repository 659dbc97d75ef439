/** Says of a path (`a/b`) whether a `.dockerignore` keeps it out of the build context. */
export interface DockerIgnore {
  isIgnored(path: string): boolean;
  /** Something below an ignored folder may be wanted again by a `!` pattern. */
  readonly hasExceptions: boolean;
}

interface Rule {
  readonly isException: boolean;
  readonly pattern: RegExp;
}

/**
 * Reads a `.dockerignore` as Docker does: one pattern a line, `#` comments, `!` exceptions, the last rule that matches
 * a path or one of the folders above it wins. https://docs.docker.com/build/concepts/context/#dockerignore-files
 *
 * @throws RangeError naming the line when a pattern cannot be read
 */
export function parseDockerIgnore(text: string): DockerIgnore {
  const rules: Rule[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const rule = line.startsWith("#") ? undefined : parseRule(line.trim(), index + 1);
    if (rule) rules.push(rule);
  }
  return { hasExceptions: rules.some((r) => r.isException), isIgnored: (path) => isIgnored(rules, path) };
}

function isIgnored(rules: readonly Rule[], path: string): boolean {
  const withParents = parentsOf(path);
  let ignored = false;
  for (const { isException, pattern } of rules) {
    // Only a rule that would change the answer is looked at.
    if (isException === ignored && withParents.some((p) => pattern.test(p))) ignored = !isException;
  }
  return ignored;
}

/** `a/b/c` → `a/b/c`, `a`, `a/b` */
function parentsOf(path: string): readonly string[] {
  const all = [path];
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) all.push(path.slice(0, at));
  return all;
}

function parseRule(line: string, number: number): Rule | undefined {
  if (line === "") return undefined;
  const isException = line.startsWith("!");
  const raw = isException ? line.slice(1).trim() : line;
  if (raw === "") throw new RangeError(`.dockerignore line ${number}: "!" needs a pattern.`);
  const cleaned = cleanPath(raw);
  try {
    return { isException, pattern: toRegExp(cleaned.length > 1 ? cleaned.replace(/^\//, "") : cleaned) };
  } catch {
    throw new RangeError(`.dockerignore line ${number}: "${raw}" is not a pattern.`);
  }
}

/** `./a//b/../c/` → `a/c`, as Go's filepath.Clean. */
function cleanPath(raw: string): string {
  const isRooted = raw.startsWith("/");
  const parts: string[] = [];
  for (const part of raw.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!isRooted) parts.push(part);
  }
  return (isRooted ? "/" : "") + parts.join("/") || ".";
}

/** `*` and `?` stay within a name, `**` is any number of folders, `[a-z]` a class, `\` takes the next as it is. */
function toRegExp(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === "*" && pattern[at + 1] === "*") {
      at += pattern[at + 2] === "/" ? 2 : 1;
      source += at + 1 >= pattern.length ? ".*" : "(?:.*/)?";
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "[" || char === "]" || char === "-") source += char;
    else if (char === "^" && pattern[at - 1] === "[" && pattern[at - 2] !== "\\") source += char;
    else if (char === "\\" && at + 1 < pattern.length) source += escaped(pattern.charAt(++at));
    else source += escaped(char);
  }
  return new RegExp(`^${source}$`, "s");
}

function escaped(char: string): string {
  return char.replace(/[\\.+()|{}$^*?[\]/]/g, "\\$&");
}
