import type { SourceView } from "../../server/builds/plan.ts";
import { type Refusal, refuse } from "../reading.ts";

/** Where an index.html is looked for, in this order; the empty string is the top of the repository. */
export const roots = ["", "public", "dist", "build", "_site"] as const;

// The folder stands in nginx's settings between quotes.
const folderPattern = /^[A-Za-z0-9_][A-Za-z0-9._ /-]*$/;

/** The folder that a setting of `file` names; `isBuilt` says that it will only be there after the build. */
export function namedRoot(source: SourceView, file: string, value: unknown, isBuilt: boolean): string | Refusal {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const root = text.replace(/^\.\//, "").replace(/(?<=.)\/+$/, "");
  if (root === "" || root === ".") return "";
  if (!folderPattern.test(root) || root.split("/").includes("..")) {
    return refuse(`${file}: root "${text}" cannot be used.`, "Name a folder of the repository, like: root: public");
  }
  if (isBuilt || source.has(root)) return root;
  return refuse(
    `${file}: there is no folder "${root}".`,
    `Commit the folder that is to be served, or correct root in ${file}.`,
  );
}

/** The first folder with an index.html; the top where a Staticfile says that this is a static site. */
export function defaultRoot(source: SourceView): string | Refusal {
  const root = roots.find((folder) => source.has(folder === "" ? "index.html" : `${folder}/index.html`));
  if (root !== undefined || source.has("Staticfile")) return root ?? "";
  return refuse(
    "There is no index.html.",
    "Commit index.html, public/index.html or dist/index.html, or a Staticfile with root: FOLDER.",
  );
}
