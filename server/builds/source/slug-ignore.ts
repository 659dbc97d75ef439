import { parseDockerIgnore } from "../docker-ignore.ts";
import { meaningfulLines } from "../lines.ts";

export interface SlugIgnore {
  isIgnored(path: string, isFolder: boolean): boolean;
  /** Lines that mean nothing here, for the pusher. */
  readonly notes: readonly string[];
}

interface Rule {
  readonly onlyFolders: boolean;
  matches(path: string): boolean;
}

/**
 * Reads patterns as in a `.gitignore`, without `!`: a pattern without a slash holds at any depth, one with a slash from
 * the top, one that ends with a slash for folders alone. https://devcenter.heroku.com/articles/slug-compiler
 *
 * @param file its name, for notes
 */
export function parseSlugIgnore(text: string, file = ".slugignore"): SlugIgnore {
  const notes: string[] = [];
  const rules: Rule[] = [];
  for (const [number, line] of meaningfulLines(text)) {
    const rule = line.startsWith("!") ? undefined : toRule(line);
    if (rule) rules.push(rule);
    else notes.push(`${file} line ${number}: "${line}" is passed over; it is no pattern that can be read`);
  }
  return {
    notes,
    isIgnored: (path, isFolder) => rules.some((rule) => (isFolder || !rule.onlyFolders) && rule.matches(path)),
  };
}

function toRule(line: string): Rule | undefined {
  const pattern = line.replace(/\/+$/, "");
  if (pattern === "") return undefined;
  const anchored = pattern.includes("/") ? pattern.replace(/^\//, "") : `**/${pattern}`;
  try {
    const ignore = parseDockerIgnore(anchored);
    return { onlyFolders: line.endsWith("/"), matches: (path) => ignore.isIgnored(path) };
  } catch (err) {
    if (err instanceof RangeError) return undefined;
    throw err;
  }
}
