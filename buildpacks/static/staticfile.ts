import { parse } from "yaml";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, isRecord, isRefusal, type JsonObject, type Refusal, refuse } from "../reading.ts";
import { defaultRoot, namedRoot } from "./root.ts";
import { authFile, plainSettings, type StaticSettings } from "./settings.ts";

const known = [
  ...["root", "pushstate", "directory", "ssi", "host_dot_files", "force_https", "status_codes", "gzip"],
  ...["http_strict_transport_security", "http_strict_transport_security_include_subdomains"],
  ...["http_strict_transport_security_preload", "location_include", "enable_http2"],
];
const yearSeconds = 31_536_000;

/** Reads Cloud Foundry's Staticfile: YAML, or nothing at all. `builtRoot` is where a build will put the pages. */
export function readStaticfile(source: SourceView, builtRoot?: string): StaticSettings | Refusal {
  const keys = parseStaticfile(source.read("Staticfile") ?? "");
  if (keys === undefined)
    return refuse(
      "Staticfile cannot be read: it is not a list of KEY: VALUE.",
      "Write lines like: root: public. An empty file is fine too.",
    );
  if (isSet(keys["location_include"])) {
    return refuse(
      "Staticfile: location_include cannot be used: pieces of nginx settings are not taken over.",
      "Use the other keys of Staticfile, or bring nginx with a Dockerfile.",
    );
  }
  const root = isSet(keys["root"])
    ? namedRoot(source, "Staticfile", keys["root"], builtRoot !== undefined)
    : (builtRoot ?? defaultRoot(source));
  if (typeof root !== "string") return root;
  const errorPages = readStatusCodes(keys["status_codes"]);
  if (isRefusal(errorPages)) return errorPages;
  return {
    ...plainSettings,
    root,
    errorPages,
    isSinglePage: isOn(keys["pushstate"]),
    listsFolders: keys["directory"] === "visible" || isOn(keys["directory"]),
    hasIncludes: isOn(keys["ssi"]),
    showsDotFiles: isOn(keys["host_dot_files"]),
    forcesHttps: isOn(keys["force_https"]),
    hsts: readHsts(keys),
    auth: source.has(authFile) ? "file" : undefined,
    notes: notesOf(keys),
  };
}

function readStatusCodes(value: unknown): Readonly<Record<string, string>> | Refusal {
  const pages: Record<string, string> = {};
  for (const [code, page] of Object.entries(asRecord(value))) {
    if (!/^[45]\d\d$/.test(code) || typeof page !== "string" || !/^\/?[\w./-]+$/.test(page)) {
      return refuse(
        `Staticfile: status_codes cannot have "${code}: ${typeof page === "string" ? page : JSON.stringify(page)}".`,
        "Write a status and the path of a page, like: 404: /404.html",
      );
    }
    pages[code] = `/${page.replace(/^\//, "")}`;
  }
  return pages;
}

function readHsts(keys: JsonObject): string | undefined {
  const name = "http_strict_transport_security";
  if (!isOn(keys[name])) return undefined;
  const subdomains = isOn(keys[`${name}_include_subdomains`]) ? "; includeSubDomains" : "";
  return `max-age=${yearSeconds}${subdomains}${isOn(keys[`${name}_preload`]) ? "; preload" : ""}`;
}

function notesOf(keys: JsonObject): readonly string[] {
  const passedOver = Object.keys(keys).filter((key) => !known.includes(key));
  const http2 = isOn(keys["enable_http2"]) ? ["Staticfile: enable_http2 is the router's business, not the app's."] : [];
  return [...passedOver.map((key) => `Staticfile: ${key} is not known and has no effect.`), ...http2];
}

function parseStaticfile(text: string): JsonObject | undefined {
  try {
    const value: unknown = parse(text.replace(/^\uFEFF/, "")) ?? {};
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function isOn(value: unknown): boolean {
  return value === true || value === "enabled" || value === "true" || value === "on";
}
