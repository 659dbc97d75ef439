import { parse } from "yaml";
import type { SourceView } from "../../server/builds/plan.ts";
import { isRecord, type JsonObject, type Refusal, refuse } from "../reading.ts";

export interface StaticSettings {
  /** Folder that is served; the empty string is the top of the repository. */
  readonly root: string;
  /** Any path without a file answers index.html, as single-page apps need. */
  readonly isSinglePage: boolean;
  readonly notes: readonly string[];
}

const known = ["root", "pushstate"];
// The folder stands in nginx's settings between quotes.
const folderPattern = /^[A-Za-z0-9_][A-Za-z0-9._ /-]*$/;

/** Reads Cloud Foundry's Staticfile: YAML, or nothing at all. */
export function readStaticSettings(source: SourceView): StaticSettings | Refusal {
  const settings = parseStaticfile(source.read("Staticfile") ?? "");
  if (settings === undefined)
    return refuse(
      "Staticfile cannot be read: it is not a list of KEY: VALUE.",
      "Write lines like: root: public. An empty file is fine too.",
    );
  const root = chooseRoot(source, settings["root"]);
  if (typeof root !== "string") return root;
  const passedOver = Object.keys(settings).filter((key) => !known.includes(key));
  const notes = passedOver.map((key) => `Staticfile: ${key} is not supported yet and has no effect.`);
  return { root, isSinglePage: isOn(settings["pushstate"]), notes };
}

function chooseRoot(source: SourceView, value: unknown): string | Refusal {
  if (value === undefined || value === null || value === "" || value === ".") return defaultRoot(source);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const root = text.replace(/^\.\//, "").replace(/\/+$/, "");
  if (!folderPattern.test(root) || root.split("/").includes("..")) {
    return refuse(`Staticfile: root "${text}" cannot be used.`, "Name a folder of the repository, like: root: public");
  }
  if (source.has(root)) return root;
  return refuse(
    `Staticfile: there is no folder "${root}".`,
    "Commit the folder that is to be served, or correct root in Staticfile.",
  );
}

function defaultRoot(source: SourceView): string | Refusal {
  const root = ["", "public", "dist"].find((folder) =>
    source.has(folder === "" ? "index.html" : `${folder}/index.html`),
  );
  if (root !== undefined || source.has("Staticfile")) return root ?? "";
  return refuse(
    "There is no index.html.",
    "Commit index.html, public/index.html or dist/index.html, or a Staticfile with root: FOLDER.",
  );
}

function parseStaticfile(text: string): JsonObject | undefined {
  try {
    const value: unknown = parse(text.replace(/^\uFEFF/, "")) ?? {};
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isOn(value: unknown): boolean {
  return value === true || value === "enabled" || value === "true";
}
