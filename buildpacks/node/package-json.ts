import { messageOf } from "../../server/core/errors.ts";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, isRecord, type JsonObject, type Refusal, refuse } from "../reading.ts";

export interface PackageJson {
  readonly raw: JsonObject;
  readonly scripts: Readonly<Record<string, string>>;
}

// What no installer reads: a change there must not install everything again.
const unread = [
  ...["scripts", "description", "keywords", "author", "contributors", "maintainers", "license", "homepage", "bugs"],
  ...["repository", "funding", "main", "module", "types", "typings", "exports", "files", "browserslist", "sideEffects"],
  ...["eslintConfig", "prettier", "jest", "babel", "lint-staged", "husky", "nodemonConfig"],
];

export function readPackageJson(source: SourceView): PackageJson | Refusal {
  const text = source.read("package.json");
  if (text === undefined)
    return refuse("There is no package.json.", "Make one with: npm init. Commit it and push again.");
  const raw = parseObject(text);
  return raw === undefined ? unreadable(text) : packageOf(raw);
}

function unreadable(text: string): Refusal {
  const correct = "Correct it, commit and push again.";
  if (/^(<{7}|>{7}|={7})/m.test(text)) {
    return refuse(
      "package.json has merge conflict markers in it.",
      "Keep one side, remove the markers, commit and push again.",
    );
  }
  const problem = jsonProblem(text);
  if (problem !== undefined) return refuse(`package.json cannot be read: ${problem}.`, correct);
  return refuse("package.json is no JSON object.", "Make one with: npm init. Commit it and push again.");
}

/** What the parser says, with line and column where it does. */
function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(withoutMark(text));
    return undefined;
  } catch (err) {
    return messageOf(err).replace(/\s+/g, " ");
  }
}

/** The package.json of a workspace member; unreadable is undefined, the installer says why. */
export function readMember(source: SourceView, folder: string): PackageJson | undefined {
  const raw = parseObject(source.read(`${folder}/package.json`) ?? "");
  return raw === undefined ? undefined : packageOf(raw);
}

export function dependenciesOf(pkg: PackageJson, kind: string): Readonly<Record<string, string>> {
  return texts(pkg.raw[kind]);
}

/** Names whose installation is needed: `devDependencies` count for a build only. */
export function needsInstall(pkg: PackageJson, withDev: boolean): boolean {
  const kinds = ["dependencies", "optionalDependencies", "peerDependencies", ...(withDev ? ["devDependencies"] : [])];
  return kinds.some((kind) => Object.keys(dependenciesOf(pkg, kind)).length > 0);
}

/** What an installer reads of a package.json, as JSON. The version of a workspace member decides who may depend on it. */
export function installInput(pkg: PackageJson, isMember: boolean): string {
  const dropped = isMember ? unread : [...unread, "version"];
  const kept = Object.entries(pkg.raw).filter(([key]) => !dropped.includes(key));
  return `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`;
}

export function engineOf(pkg: PackageJson, name: string): string | undefined {
  return asText(asRecord(pkg.raw["engines"])[name])?.trim();
}

function packageOf(raw: JsonObject): PackageJson {
  return { raw, scripts: texts(raw["scripts"]) };
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(asRecord(value));
  return Object.fromEntries(entries.flatMap(([key, text]) => (typeof text === "string" ? [[key, text]] : [])));
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(withoutMark(text));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, "");
}
