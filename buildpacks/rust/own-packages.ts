import path from "node:path";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, isRecord, isRefusal, type JsonObject } from "../reading.ts";
import { memberFolders, readManifest } from "./manifest.ts";

/** A package whose source is in the repository. */
export interface OwnPackage {
  /** `""` is the top. */
  readonly folder: string;
  readonly manifest: JsonObject;
}

const dependencyTables = ["dependencies", "dev-dependencies", "build-dependencies"] as const;
const maxPackages = 500;

/**
 * The root, the members of its workspace and whatever they reach by `path`. Undefined when one of them cannot be read or
 * is outside of the repository.
 */
export function ownPackages(source: SourceView, root: JsonObject): readonly OwnPackage[] | undefined {
  const found = new Map<string, OwnPackage>();
  const queue = ["", ...memberFolders(source, root)];
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    if (found.has(folder)) continue;
    const file = path.posix.join(folder, "Cargo.toml");
    if (folder.startsWith("..") || !source.has(file) || found.size === maxPackages) return undefined;
    const manifest = folder === "" ? root : readManifest(source, file);
    if (isRefusal(manifest)) return undefined;
    found.set(folder, { folder, manifest });
    queue.push(...pathsOf(manifest).map((to) => path.posix.join(folder, to).replace(/\/$/, "").replace(/^\.$/, "")));
  }
  return [...found.values()].toSorted((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** Every table of dependencies in a manifest, changed. */
export function mapDependencies(manifest: JsonObject, change: (dependency: unknown) => unknown): JsonObject {
  const mapAll = (table: unknown) => mapValues(asRecord(table), change);
  const inTable = (of: JsonObject): JsonObject =>
    mapValues(of, (value, key) => (dependencyTables.some((name) => name === key) ? mapAll(value) : value));
  return mapValues(inTable(manifest), (value, key) => {
    if (key === "target") return mapValues(asRecord(value), (target) => inTable(asRecord(target)));
    if (key === "workspace") return inTable(asRecord(value));
    return key === "patch" ? mapValues(asRecord(value), mapAll) : value;
  });
}

function pathsOf(manifest: JsonObject): readonly string[] {
  const paths: string[] = [];
  mapDependencies(manifest, (dependency) => {
    const to = asText(asRecord(dependency)["path"]);
    if (to !== undefined) paths.push(to);
    return dependency;
  });
  return paths;
}

function mapValues(record: JsonObject, change: (value: unknown, key: string) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}

/** Without what says nothing about dependencies: an own package's version is not what another one asks for. */
export function withoutVersion(dependency: unknown): unknown {
  if (!isRecord(dependency) || dependency["path"] === undefined) return dependency;
  const { version: _version, ...rest } = dependency;
  return rest;
}
