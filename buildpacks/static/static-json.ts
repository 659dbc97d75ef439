import type { SourceView } from "../../server/builds/plan.ts";
import { messageOf } from "../../server/core/errors.ts";
import { asRecord, asText, isRecord, isRefusal, type JsonObject, type Refusal, refuse } from "../reading.ts";
import { namedRoot } from "./root.ts";
import { type PatternRule, plainSettings, type StaticSettings } from "./settings.ts";

const cannot: Readonly<Record<string, string>> = {
  proxies: "Ask the other app from the page itself, or put both behind one host: paas map-route OTHER HOST --path /api",
  canonical_host: "Give the app one host with paas map-route, and remove the others with paas unmap-route.",
  basic_auth_file: "Use basic_auth with the config vars BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD.",
};
const known = ["root", "clean_urls", "routes", "redirects", "error_page", "https_only", "basic_auth", "headers"];
const silent = ["encoding", "logging"];

/** Reads the static.json of Heroku's static buildpack. */
export function readStaticJson(source: SourceView, builtRoot?: string): StaticSettings | Refusal {
  const keys = parseJson(source.read("static.json") ?? "{}");
  if (isRefusal(keys)) return keys;
  const refused = Object.keys(keys).find((key) => cannot[key] !== undefined);
  if (refused !== undefined) return refuse(`static.json: ${refused} is not supported.`, cannot[refused] ?? "");
  const root = namedRoot(source, "static.json", keys["root"] ?? builtRoot ?? "public_html", builtRoot !== undefined);
  if (typeof root !== "string") return root;
  const errorPage = asText(keys["error_page"]);
  const passedOver = Object.keys(keys).filter((key) => ![...known, ...silent].includes(key));
  return {
    ...plainSettings,
    root,
    hasCleanUrls: keys["clean_urls"] === true,
    forcesHttps: keys["https_only"] === true,
    auth: keys["basic_auth"] === true ? "config" : undefined,
    errorPages: errorPage === undefined ? {} : { "404 500 502 503": slashed(errorPage) },
    routes: rules(keys["routes"]).map((rule) => ({ ...rule, value: slashed(rule.value) })),
    redirects: redirects(keys["redirects"]),
    headers: Object.entries(asRecord(keys["headers"])).flatMap(([pattern, named]) =>
      rules(named).map((rule) => ({ pattern, name: rule.pattern, value: rule.value })),
    ),
    logsRequests: asRecord(keys["logging"])["access"] !== false,
    notes: passedOver.map((key) => `static.json: ${key} is not known and has no effect.`),
  };
}

function redirects(value: unknown): StaticSettings["redirects"] {
  return Object.entries(asRecord(value)).flatMap(([pattern, target]) => {
    const url = asText(isRecord(target) ? target["url"] : target);
    const status = Number(isRecord(target) ? (target["status"] ?? 301) : 301);
    return url === undefined
      ? []
      : [{ pattern, value: url, status: [301, 302, 303, 307, 308].includes(status) ? status : 301 }];
  });
}

function rules(value: unknown): readonly PatternRule[] {
  return Object.entries(asRecord(value)).flatMap(([pattern, text]) =>
    typeof text === "string" ? [{ pattern, value: text }] : [],
  );
}

function parseJson(text: string): JsonObject | Refusal {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    if (isRecord(value)) return value;
    return refuse("static.json is no JSON object.", 'Write one like { "root": "dist" }, commit and push again.');
  } catch (err) {
    return refuse(
      `static.json cannot be read: ${messageOf(err).replace(/\s+/g, " ")}.`,
      "Correct it, commit and push again.",
    );
  }
}

function slashed(file: string): string {
  return `/${file.replace(/^\.?\//, "")}`;
}
