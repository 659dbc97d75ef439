import path from "node:path";
import type { SourceView } from "../../server/builds/plan.ts";

export interface Requirements {
  /** Files and folders that an install reads, the first file included. */
  readonly files: readonly string[];
  /** Normalised names: `flask`, `uvicorn[standard]` without the extras. */
  readonly names: readonly string[];
  /** A folder of the repository is installed too: `-e .`, `./lib`. */
  readonly isLocal: boolean;
}

const deepest = 8;

/** Follows `-r` and `-c` from one requirements file. Syntax: https://pip.pypa.io/en/stable/reference/requirements-file-format/ */
export function readRequirements(source: SourceView, file: string): Requirements {
  const files = new Set<string>();
  const names = new Set<string>();
  let isLocal = false;
  const visit = (current: string, depth: number): void => {
    if (files.has(current) || depth > deepest) return;
    files.add(current);
    for (const line of logicalLines(source.read(current) ?? "")) {
      const include = /^(?:-r|--requirement|-c|--constraint)[\s=]*(\S+)/.exec(line)?.[1];
      if (include !== undefined) {
        visit(path.posix.join(path.posix.dirname(current), include), depth + 1);
        continue;
      }
      const local = localTarget(line);
      if (local !== undefined) {
        isLocal = true;
        for (const name of entriesOf(source, local)) files.add(name);
      }
      for (const name of requirementNames(line)) names.add(name);
    }
  };
  visit(file, 0);
  return { files: [...files].filter((f) => source.has(f)), names: [...names].toSorted(), isLocal };
}

/** PEP 503: `Flask_Login[x]>=1` is `flask-login`. */
export function requirementName(line: string): string | undefined {
  const raw = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:$|[[(<>=!~;@\s,])/.exec(line)?.[1];
  return raw?.toLowerCase().replace(/[-_.]+/g, "-");
}

/** The name, and what an extra of it brings that a web command asks for. */
export function requirementNames(line: string): readonly string[] {
  const name = requirementName(line);
  if (name === undefined) return [];
  return /^fastapi\s*\[[^\]]*\b(?:standard|all)\b/i.test(line) ? [name, "uvicorn"] : [name];
}

function logicalLines(text: string): readonly string[] {
  const joined = text.replace(/^\uFEFF/, "").replace(/\\\r?\n/g, " ");
  return joined
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
}

function localTarget(line: string): string | undefined {
  const target = /^(?:-e|--editable)[\s=]+(\S+)/.exec(line)?.[1] ?? /^(\.{1,2}(?:\/\S*)?(?:\[\S*\])?)$/.exec(line)?.[1];
  if (target === undefined || target.includes("://")) return undefined;
  return path.posix.normalize(target.replace(/\[.*\]$/, ""));
}

/** The root itself is named by what is in it. */
function entriesOf(source: SourceView, folder: string): readonly string[] {
  return folder === "." || folder === "./"
    ? source.list("").map((n) => n.replace(/\/$/, ""))
    : [folder.replace(/\/$/, "")];
}
