import path from "node:path";
import { parse } from "yaml";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, isRecord, readIfSmall } from "../reading.ts";
import { type PackageJson, readMember } from "./package-json.ts";

export interface Member {
  /** `packages/api` */
  readonly folder: string;
  readonly pkg: PackageJson;
}

const deepest = 4;

/** The members that `workspaces` in package.json or pnpm-workspace.yaml name, sorted by folder. */
export function findMembers(source: SourceView, pkg: PackageJson): readonly Member[] {
  const patterns = [...declared(pkg), ...pnpmPatterns(source)].map((p) => p.replace(/^\.\//, "").replace(/\/$/, ""));
  if (patterns.length === 0) return [];
  const wanted = patterns.filter((p) => !p.startsWith("!"));
  const unwanted = patterns.filter((p) => p.startsWith("!")).map((p) => p.slice(1));
  return foldersBelow(source, "", 0)
    .filter((folder) => matchesAny(folder, wanted) && !matchesAny(folder, unwanted))
    .flatMap((folder) => {
      const member = readMember(source, folder);
      return member === undefined ? [] : [{ folder, pkg: member }];
    });
}

function declared(pkg: PackageJson): readonly string[] {
  const value = pkg.raw["workspaces"];
  return texts(isRecord(value) ? value["packages"] : value);
}

function pnpmPatterns(source: SourceView): readonly string[] {
  const text = readIfSmall(source, "pnpm-workspace.yaml");
  if (text === undefined) return [];
  try {
    return texts(asRecord(parse(text))["packages"]);
  } catch {
    // pnpm itself names the line.
    return [];
  }
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((v): v is string => typeof v === "string") : [];
}

function matchesAny(folder: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => path.posix.matchesGlob(folder, pattern));
}

function foldersBelow(source: SourceView, folder: string, depth: number): readonly string[] {
  if (depth >= deepest) return [];
  return source
    .list(folder)
    .filter((name) => name.endsWith("/") && name !== "node_modules/" && !name.startsWith("."))
    .map((name) => path.posix.join(folder, name.slice(0, -1)))
    .flatMap((below) => [below, ...foldersBelow(source, below, depth + 1)]);
}
