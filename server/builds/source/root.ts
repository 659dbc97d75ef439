import { readdirSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { AppError } from "../../core/errors.ts";

const shownFolders = 12;

/** `./apps//web/` → `apps/web`; "" is the whole repository. @throws AppError SOURCE_ROOT_INVALID for what leads out */
export function parseRoot(raw: string): string {
  const normal = path.posix.normalize(raw === "" ? "." : raw).replace(/\/+$/, "");
  const leaves = normal === ".." || normal.startsWith("../") || path.posix.isAbsolute(normal) || /[\0\n\\]/.test(raw);
  if (leaves || raw.length > 300) throw new AppError("SOURCE_ROOT_INVALID", { root: raw });
  return normal === "." ? "" : normal;
}

/** The folder must be there and be one of the repository's own. @throws AppError SOURCE_ROOT_MISSING */
export function assertFolder(dir: string, root: string, from: string): void {
  if (root === "") return;
  const at = path.join(dir, root);
  try {
    if (realpathSync(at) === path.join(realpathSync(dir), root) && statSync(at).isDirectory()) return;
  } catch {
    // Told below: it is not there.
  }
  throw new AppError("SOURCE_ROOT_MISSING", { root, from, folders: foldersOf(dir).join(", ") || "none" });
}

function foldersOf(dir: string): readonly string[] {
  const folders = readdirSync(dir, { withFileTypes: true }).filter((e) => e.isDirectory() && !e.name.startsWith("."));
  const names = folders.map((e) => e.name).toSorted();
  return names.length > shownFolders ? [...names.slice(0, shownFolders), "…"] : names;
}
