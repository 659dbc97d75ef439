import { readdirSync, readFileSync, realpathSync, statSync, type Stats } from "node:fs";
import path from "node:path";
import { AppError } from "../core/errors.ts";
import type { SourceView } from "./plan.ts";

const readCapBytes = 1024 * 1024;

/** The files of a checkout, read when asked. What leaves the folder, by `..` or through a symlink, is not there. */
export function directorySource(root: string): SourceView {
  const realRoot = realpathSync(root);
  const find = (relative: string): Found | undefined => locate(realRoot, relative);
  return {
    has: (relative) => find(relative) !== undefined,
    read(relative) {
      const found = find(relative);
      if (found === undefined || !found.stats.isFile()) return undefined;
      checkSize(relative, found.stats.size);
      return readFileSync(found.realPath, "utf8");
    },
    list(folder) {
      const found = find(folder);
      if (found === undefined || !found.stats.isDirectory()) return [];
      return readdirSync(found.realPath).flatMap(shownName(find, folder)).toSorted();
    },
  };
}

/** The same view over texts, for tests: `{ "package.json": "{}" }`. */
export function memorySource(files: Readonly<Record<string, string>>): SourceView {
  const paths = Object.keys(files);
  const isFolder = (folder: string): boolean => paths.some((p) => p.startsWith(`${folder}/`));
  return {
    has: (relative) => isInside(relative) && (Object.hasOwn(files, clean(relative)) || isFolder(clean(relative))),
    read(relative) {
      const text = isInside(relative) && Object.hasOwn(files, clean(relative)) ? files[clean(relative)] : undefined;
      if (text !== undefined) checkSize(relative, Buffer.byteLength(text));
      return text;
    },
    list(folder) {
      const prefix = clean(folder) === "" ? "" : `${clean(folder)}/`;
      const below = paths.filter((p) => p.startsWith(prefix)).map((p) => p.slice(prefix.length));
      return [...new Set(below.map((p) => (p.includes("/") ? p.slice(0, p.indexOf("/") + 1) : p)))].toSorted();
    },
  };
}

/** A folder of a view as a view of its own. */
export function sourceBelow(source: SourceView, folder: string): SourceView {
  const at = (relative: string): string => `${clean(folder)}/${relative}`;
  return {
    has: (relative) => isInside(relative) && source.has(at(relative)),
    read: (relative) => (isInside(relative) ? source.read(at(relative)) : undefined),
    list: (below) => (isInside(below) ? source.list(at(below)) : []),
  };
}

interface Found {
  readonly realPath: string;
  readonly stats: Stats;
}

function locate(realRoot: string, relative: string): Found | undefined {
  if (!isInside(relative)) return undefined;
  try {
    const realPath = realpathSync(path.join(realRoot, relative));
    const leaves = realPath !== realRoot && !realPath.startsWith(realRoot + path.sep);
    return leaves ? undefined : { realPath, stats: statSync(realPath) };
  } catch (err) {
    if (isAbsence(err)) return undefined;
    throw err;
  }
}

function shownName(find: (relative: string) => Found | undefined, folder: string) {
  return (name: string): string[] => {
    if (name === ".git") return [];
    const found = find(path.posix.join(folder, name));
    if (found === undefined) return [];
    return [found.stats.isDirectory() ? `${name}/` : name];
  };
}

function isInside(relative: string): boolean {
  const normal = path.posix.normalize(relative === "" ? "." : relative);
  return !relative.includes("\0") && !path.posix.isAbsolute(normal) && normal !== ".." && !normal.startsWith("../");
}

/** `./a//b/` → `a/b`; the root is the empty string. */
function clean(relative: string): string {
  const normal = path.posix.normalize(relative === "" ? "." : relative).replace(/\/$/, "");
  return normal === "." ? "" : normal;
}

function checkSize(relative: string, sizeBytes: number): void {
  if (sizeBytes <= readCapBytes) return;
  throw new AppError("INPUT_INVALID", {
    what: `${relative} is larger than 1 MiB.`,
    hint: "A file of settings is expected there: make it smaller or remove it, and push again.",
  });
}

function isAbsence(err: unknown): boolean {
  const code = err instanceof Error && "code" in err ? err.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "ENAMETOOLONG";
}
