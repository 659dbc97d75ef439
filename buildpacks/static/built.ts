import { parse } from "yaml";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, readIfSmall } from "../reading.ts";

/** The pages that Staticfile or static.json name are not there yet, and package.json has a script that makes them. */
export function isBuiltByNode(source: SourceView): boolean {
  const scripts = asRecord(parsed(source, "package.json")["scripts"]);
  const builds = ["build", "heroku-postbuild"].some((name) => (asText(scripts[name]) ?? "").trim() !== "");
  const root = asText(parsed(source, source.has("Staticfile") ? "Staticfile" : "static.json")["root"]);
  if (!builds) return false;
  const folder = root?.replace(/^\.?\//, "").replace(/\/+$/, "") ?? "";
  return folder === "" ? !hasPages(source) : !source.has(folder);
}

function hasPages(source: SourceView): boolean {
  return source.has("index.html") || source.has("public/index.html");
}

/** JSON is YAML too; what cannot be read is refused by whoever plans with it. */
function parsed(source: SourceView, file: string) {
  try {
    return asRecord(parse(readIfSmall(source, file) ?? ""));
  } catch {
    return {};
  }
}
