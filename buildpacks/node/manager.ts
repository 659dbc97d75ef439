import semver from "semver";
import type { Available, SourceView } from "../../server/builds/plan.ts";
import { asText, isRefusal, readIfSmall, type Refusal, refuse } from "../reading.ts";
import { engineOf, type PackageJson } from "./package-json.ts";

export interface Manager {
  /** `berry` is yarn 2 and later: other commands, another lockfile. */
  readonly kind: "npm" | "yarn" | "berry" | "pnpm" | "bun";
  readonly version: string;
  readonly lockfile: string | undefined;
  readonly notes: readonly string[];
}

const names = ["npm", "yarn", "pnpm", "bun"] as const;
type Name = (typeof names)[number];

const managerOfLockfile: Readonly<Record<string, Name>> = {
  "package-lock.json": "npm",
  "npm-shrinkwrap.json": "npm",
  "yarn.lock": "yarn",
  "pnpm-lock.yaml": "pnpm",
  "bun.lock": "bun",
  "bun.lockb": "bun",
};

/** npm releases to choose from, each for the Node lines that it supports. */
export const npmReleases = [
  { version: "11.21.2", node: "^20.17.0 || >=22.9.0" },
  { version: "10.9.9", node: "^18.17.0 || >=20.5.0" },
  { version: "8.19.4", node: "^12.13.0 || ^14.15.0 || >=16.0.0" },
  { version: "6.14.18", node: "*" },
] as const;
/** At hand without an exact version: the first that fits, of those that read the lockfile. */
const yarnReleases = ["1.22.22"];
const berryReleases = ["4.18.1", "3.8.7"];
const pnpmReleases = ["10.34.9", "9.15.9", "8.15.9", "7.33.7"];
const pnpmOfLockfile = [
  { lock: /^lockfileVersion:\s*'?5/m, version: "7.33.7" },
  { lock: /^lockfileVersion:\s*'?6/m, version: "8.15.9" },
];
/** The lockfile's format of yarn 4; older ones are frozen only by an older yarn. */
const berryFormat = 7;
const newestBun = "1.4.5";
const shownReleases = 5;

/** Which package manager installs, at which version: by the lockfile, and by `packageManager` in package.json. */
export function chooseManager(
  source: SourceView,
  pkg: PackageJson,
  nodeVersion: string,
  available: Pick<Available, "bun">,
): Manager | Refusal {
  const declared = readDeclared(pkg);
  if (isRefusal(declared)) return declared;
  const lock = chooseLockfile(source, declared?.name);
  if (isRefusal(lock)) return lock;
  const name = declared?.name ?? (lock.file === undefined ? "npm" : managerOfLockfile[lock.file]) ?? "npm";
  const version = declared?.version ?? defaultVersion(source, pkg, name, nodeVersion, available);
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

function defaultVersion(
  source: SourceView,
  pkg: PackageJson,
  name: Name,
  nodeVersion: string,
  available: Pick<Available, "bun">,
): string | Refusal {
  switch (name) {
    case "npm":
      return npmFor(pkg, nodeVersion);
    case "yarn":
      return fitting(pkg, name, yarnChoices(source));
    case "pnpm":
      return fitting(pkg, name, pnpmChoices(source));
    case "bun":
      return fitting(pkg, name, available.bun.length > 0 ? available.bun : [newestBun], bunFile(source));
  }
}

/** The first of the releases that `engines` allows; one exact version is taken as it is. */
function fitting(pkg: PackageJson, name: Name, releases: readonly string[], file?: string): string | Refusal {
  const wish = engineOf(pkg, name) ?? file;
  const [newest = ""] = releases;
  if (wish === undefined || wish === "" || semver.validRange(wish) === null) return newest;
  if (semver.valid(wish) !== null) return semver.clean(wish) ?? newest;
  const found = releases.find((v) => semver.satisfies(v, wish));
  if (found !== undefined) return found;
  return refuse(
    `${name} ${wish} is asked for, which is not at hand.`,
    `At hand: ${releases.slice(0, shownReleases).join(", ")}. Write one exact version, like "packageManager": "${name}@${newest}", to have any other.`,
  );
}

function yarnChoices(source: SourceView): readonly string[] {
  const lock = readIfSmall(source, "yarn.lock") ?? "";
  const format = Number(/^__metadata:\s+version: (\d+)/m.exec(lock)?.[1] ?? "");
  if (!source.has(".yarnrc.yml") && !/^__metadata:/m.test(lock)) return yarnReleases;
  return format > 0 && format < berryFormat ? berryReleases.toReversed() : berryReleases;
}

function pnpmChoices(source: SourceView): readonly string[] {
  const lock = readIfSmall(source, "pnpm-lock.yaml") ?? "";
  const version = pnpmOfLockfile.find((p) => p.lock.test(lock))?.version;
  return version === undefined ? pnpmReleases : [version, ...pnpmReleases.filter((v) => v !== version)];
}

function bunFile(source: SourceView): string | undefined {
  return source.read(".bun-version")?.trim().replace(/^bun-/, "");
}

function readDeclared(pkg: PackageJson): { readonly name: Name; readonly version: string } | undefined | Refusal {
  const text = asText(pkg.raw["packageManager"]);
  if (text === undefined || text === "") return undefined;
  const [, word, rawVersion] = /^(\w+)@([^+]+)(?:\+.*)?$/.exec(text) ?? [];
  const version = semver.valid(rawVersion);
  const name = names.find((n) => n === word);
  if (version !== null && name !== undefined) return { name, version };
  return refuse(
    `packageManager in package.json is "${text}", which cannot be used.`,
    'Write npm, yarn, pnpm or bun with an exact version, like "pnpm@10.34.9", or remove the field.',
  );
}

function chooseLockfile(
  source: SourceView,
  declared: Name | undefined,
): { readonly file: string | undefined; readonly notes: readonly string[] } | Refusal {
  const found = Object.keys(managerOfLockfile).filter((file) => source.has(file));
  const owners = new Set(found.map((file) => managerOfLockfile[file]));
  if (declared === undefined && owners.size > 1) {
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
