import type { PlanCommand } from "../../server/builds/plan.ts";
import { findFramework } from "./frameworks.ts";
import type { PackageJson } from "./package-json.ts";

const kept = "/cache/build";
const restore = `set -eu
for folder in "$@"; do
  if [ -d "${kept}/$folder" ]; then mkdir -p "$folder" && cp -a "${kept}/$folder/." "$folder/"; fi
done`;
// $1 folders of the build alone come first: the droplet does not need them.
const save = `set -eu
spent=$1; shift
for folder in "$@"; do
  if [ -d "$folder" ]; then
    mkdir -p "${kept}/$folder" && rsync -a --delete "$folder/" "${kept}/$folder/"
    if [ "$spent" -gt 0 ]; then rm -rf "$folder"; fi
  fi
  spent=$((spent - 1))
done`;

export interface BuildCache {
  readonly restore: readonly PlanCommand[];
  readonly save: readonly PlanCommand[];
}

/** Folders that one build hands to the next: those of the framework, and `cacheDirectories` of package.json. */
export function buildCache(pkg: PackageJson): BuildCache {
  const spent = findFramework(pkg)?.caches ?? [];
  const folders = [...spent, ...named(pkg).filter((folder) => !spent.includes(folder))];
  if (folders.length === 0) return { restore: [], save: [] };
  const base = {
    user: "app",
    withConfig: false,
    hint: "Remove cacheDirectories from package.json, or push again.",
  } as const;
  return {
    restore: [{ ...base, argv: ["bash", "-c", restore, "restore", ...folders], name: "restoring the build cache" }],
    save: [
      { ...base, argv: ["bash", "-c", save, "save", String(spent.length), ...folders], name: "saving the build cache" },
    ],
  };
}

/** node_modules is a layer of its own. */
function named(pkg: PackageJson): readonly string[] {
  const value = pkg.raw["cacheDirectories"] ?? pkg.raw["cache_directories"];
  const texts = Array.isArray(value) ? value.filter((v): v is string => typeof v === "string") : [];
  return texts
    .map((folder) => folder.replace(/^\.\//, "").replace(/\/+$/, ""))
    .filter(
      (folder) =>
        /^[\w.@-]+(\/[\w.@-]+)*$/.test(folder) && !folder.split("/").includes("..") && folder !== "node_modules",
    );
}
