import semver from "semver";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, isRecord, type JsonObject, readIfSmall, type Refusal, refuse } from "../reading.ts";
import { dependenciesOf, type PackageJson } from "./package-json.ts";

const shownProblems = 3;

/**
 * Finds a package-lock.json that `npm ci` would refuse, before anything is installed. It looks at the root's own
 * dependencies only and leaves every doubtful case to npm.
 */
export function checkNpmLock(source: SourceView, file: string, pkg: PackageJson): Refusal | undefined {
  const text = readIfSmall(source, file);
  if (text === undefined) return undefined;
  const lock = parseLock(text);
  if (lock === undefined) {
    const cause = /^(<{7}|>{7}|={7})/m.test(text) ? "has merge conflict markers in it" : "is not valid JSON";
    return refuse(`${file} ${cause}.`, `Make it anew with: npm install. Commit ${file} and push again.`);
  }
  const wanted = { ...dependenciesOf(pkg, "devDependencies"), ...dependenciesOf(pkg, "dependencies") };
  const problems = Object.entries(wanted).flatMap(([name, range]) => problemOf(lock, name, range));
  if (problems.length === 0) return undefined;
  const more = problems.length > shownProblems ? ` and ${problems.length - shownProblems} more` : "";
  return refuse(
    `${file} is out of step with package.json: ${problems.slice(0, shownProblems).join(", ")}${more}.`,
    `Run "npm install", commit ${file} and push again.`,
  );
}

function problemOf(lock: JsonObject, name: string, range: string): readonly string[] {
  const locked = lockedEntry(lock, name);
  if (locked === undefined) return [`${name}@${range} is not in it`];
  const version = asText(locked["version"]);
  const isPlain = semver.validRange(range) !== null && version !== undefined && semver.valid(version) !== null;
  if (!isPlain || semver.satisfies(version, range, { includePrerelease: true })) return [];
  return [`${name} is ${version} in it, ${range} is asked for`];
}

function lockedEntry(lock: JsonObject, name: string): JsonObject | undefined {
  const entry = isRecord(lock["packages"])
    ? lock["packages"][`node_modules/${name}`]
    : asRecord(lock["dependencies"])[name];
  return isRecord(entry) ? entry : undefined;
}

function parseLock(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
