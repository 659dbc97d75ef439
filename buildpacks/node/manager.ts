import semver from "semver";
import type { SourceView } from "../../server/builds/plan.ts";
import { asText, isRefusal, readIfSmall, type Refusal, refuse } from "../reading.ts";
import { engineOf, type PackageJson } from "./package-json.ts";

export interface Manager {
  /** `berry` is yarn 2 and later: other commands, another lockfile. */
  readonly kind: "npm" | "yarn" | "berry" | "pnpm";
  readonly version: string;
  readonly lockfile: string | undefined;
  readonly notes: readonly string[];
}

type Name = "npm" | "yarn" | "pnpm";

const managerOfLockfile: Readonly<Record<string, Name>> = {
  "package-lock.json": "npm",
  "npm-shrinkwrap.json": "npm",
  "yarn.lock": "yarn",
  "pnpm-lock.yaml": "pnpm",
};
const bunLockfiles = ["bun.lock", "bun.lockb"];

/** npm releases to choose from, each for the Node lines that it supports. */
export const npmReleases = [
  { version: "11.21.2", node: "^20.17.0 || >=22.9.0" },
  { version: "10.9.9", node: "^18.17.0 || >=20.5.0" },
  { version: "8.19.4", node: "^12.13.0 || ^14.15.0 || >=16.0.0" },
  { version: "6.14.18", node: "*" },
] as const;
const yarnVersion = "1.22.22";
const berryVersion = "4.18.1";
const pnpmOfLockfile = [
  { lock: /^lockfileVersion:\s*'?5/m, version: "7.33.7" },
  { lock: /^lockfileVersion:\s*'?6/m, version: "8.15.9" },
];
const pnpmVersion = "10.34.9";

/** Which package manager installs, at which version: by the lockfile, and by `packageManager` in package.json. */
export function chooseManager(source: SourceView, pkg: PackageJson, nodeVersion: string): Manager | Refusal {
  const declared = readDeclared(pkg);
  if (isRefusal(declared)) return declared;
  const lock = chooseLockfile(source, declared?.name);
  if (isRefusal(lock)) return lock;
  const name = declared?.name ?? (lock.file === undefined ? "npm" : managerOfLockfile[lock.file]) ?? "npm";
  const version = declared?.version ?? defaultVersion(source, pkg, name, nodeVersion);
  if (typeof version !== "string") return version;
  const kind = name === "yarn" && semver.major(version) > 1 ? "berry" : name;
  const none = `No lockfile: the newest fitting versions are installed. Commit one, made with: ${name} install`;
  return { kind, version, lockfile: lock.file, notes: lock.file === undefined ? [none] : lock.notes };
}

/** The npm that goes with a Node version. */
export function npmFor(pkg: PackageJson, nodeVersion: string): string | Refusal {
  const fitting = npmReleases.filter((r) => semver.satisfies(nodeVersion, r.node)).map((r) => r.version);
  const wish = engineOf(pkg, "npm");
  const [newest] = fitting;
  if (newest === undefined) return npmReleases[0].version;
  if (wish === undefined || wish === "" || semver.validRange(wish) === null) return newest;
  if (semver.valid(wish) !== null) return semver.clean(wish) ?? newest;
  const found = fitting.find((v) => semver.satisfies(v, wish));
  if (found !== undefined) return found;
  return refuse(
    `engines.npm in package.json asks for npm ${wish}, which is not at hand for Node ${nodeVersion}.`,
    `At hand: ${fitting.join(", ")}. Write one exact version, like "npm": "${newest}", to have any other.`,
  );
}

function defaultVersion(source: SourceView, pkg: PackageJson, name: Name, nodeVersion: string): string | Refusal {
  if (name === "npm") return npmFor(pkg, nodeVersion);
  if (name === "yarn") return isBerry(source) ? berryVersion : yarnVersion;
  const lock = readIfSmall(source, "pnpm-lock.yaml") ?? "";
  return pnpmOfLockfile.find((p) => p.lock.test(lock))?.version ?? pnpmVersion;
}

function isBerry(source: SourceView): boolean {
  return source.has(".yarnrc.yml") || /^__metadata:/m.test(readIfSmall(source, "yarn.lock") ?? "");
}

function readDeclared(pkg: PackageJson): { readonly name: Name; readonly version: string } | undefined | Refusal {
  const text = asText(pkg.raw["packageManager"]);
  if (text === undefined || text === "") return undefined;
  const [, name, rawVersion] = /^(npm|yarn|pnpm)@([^+]+)(?:\+.*)?$/.exec(text) ?? [];
  const version = semver.valid(rawVersion);
  if (version !== null && (name === "npm" || name === "yarn" || name === "pnpm")) return { name, version };
  return refuse(
    `packageManager in package.json is "${text}", which cannot be used.`,
    'Write npm, yarn or pnpm with an exact version, like "pnpm@10.34.9", or remove the field.',
  );
}

function chooseLockfile(
  source: SourceView,
  declared: Name | undefined,
): { readonly file: string | undefined; readonly notes: readonly string[] } | Refusal {
  const found = Object.keys(managerOfLockfile).filter((file) => source.has(file));
  const bun = bunLockfiles.find((file) => source.has(file));
  if (found.length === 0 && bun !== undefined) {
    return refuse(
      `${bun} is there, and bun is not supported yet.`,
      "Make package-lock.json with: npm install. Commit it and remove the other.",
    );
  }
  const names = new Set(found.map((file) => managerOfLockfile[file]));
  if (declared === undefined && names.size > 1) {
    return refuse(
      `There are several lockfiles: ${found.join(", ")}.`,
      "Keep the one of the package manager that you use, remove the others with git rm, and push again.",
    );
  }
  const own = found.filter((file) => declared === undefined || managerOfLockfile[file] === declared);
  if (own.length === 0 && found.length > 0) {
    return refuse(
      `packageManager in package.json says ${declared}, but the lockfile is ${found.join(", ")}.`,
      `Run "${declared} install", commit its lockfile and remove the other one, or correct packageManager.`,
    );
  }
  // npm reads the shrinkwrap when both are there.
  const file = own.includes("npm-shrinkwrap.json") ? "npm-shrinkwrap.json" : own[0];
  const ignored = found.filter((f) => managerOfLockfile[f] !== declared && declared !== undefined);
  return { file, notes: ignored.map((f) => `${f} is passed over: packageManager says ${declared}.`) };
}
