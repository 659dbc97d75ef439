import { BuildFailed } from "./failure.ts";
import type { SourceView } from "./plan.ts";
import { notPackageNames, type SystemPackages } from "./system-packages.ts";
import { meaningfulLines } from "./lines.ts";

export interface AptPackages {
  /** `Aptfile` or `apt-packages`. */
  readonly file: string;
  readonly names: readonly string[];
}

const aptfile = "Aptfile";
// https://github.com/dokku-community/dokku-apt
const dokkuFile = "apt-packages";
const dokkuOthers = [
  "apt-repositories",
  "apt-sources-list",
  "apt-keys",
  "apt-preferences",
  "apt-debconf",
  "dpkg-packages",
];

/**
 * The Debian packages that a repository asks for, in the way of Heroku's apt buildpack or of Dokku's apt plugin;
 * undefined when it asks for none.
 * @throws BuildFailed naming the line that cannot be done
 */
export function aptPackages(source: SourceView): AptPackages | undefined {
  const text = source.read(aptfile);
  if (text !== undefined) return found(aptfile, parseAptfile(aptfile, text));
  const dokku = source.read(dokkuFile);
  if (dokku === undefined) return undefined;
  const other = dokkuOthers.find((name) => source.has(name));
  if (other !== undefined) {
    throw new BuildFailed(`${other}: packages can only come from Debian 13 itself.`, otherWays(other));
  }
  return found(dokkuFile, parseAptfile(dokkuFile, dokku));
}

/** Both sets in one. */
export function joinSystem(a: SystemPackages | undefined, b: SystemPackages | undefined): SystemPackages | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { build: [...a.build, ...b.build], run: [...a.run, ...b.run] };
}

function found(file: string, names: readonly string[]): AptPackages | undefined {
  return names.length === 0 ? undefined : { file, names };
}

/** Names, several on a line or one; `#` starts a comment line. */
function parseAptfile(file: string, text: string): readonly string[] {
  const names: string[] = [];
  for (const [number, line] of meaningfulLines(text)) {
    const at = `${file} line ${number}`;
    if (line.startsWith(":repo:")) {
      throw new BuildFailed(`${at}: other repositories than Debian 13's are not supported.`, otherWays(file));
    }
    if (/\.deb$/i.test(line) || line.includes("://")) {
      throw new BuildFailed(`${at}: a single .deb file cannot be installed.`, otherWays(file));
    }
    const words = line.split(/\s+/);
    const [bad] = notPackageNames(words);
    if (bad !== undefined) {
      throw new BuildFailed(
        `${at}: ${JSON.stringify(bad)} is not the name of a Debian package.`,
        "Write names, like: libvips-dev. A comment has a line of its own, and starts with #.",
      );
    }
    names.push(...words);
  }
  return [...new Set(names)];
}

function otherWays(file: string): string {
  return `Take it out of ${file} and push again; with a Dockerfile everything can be installed.`;
}
