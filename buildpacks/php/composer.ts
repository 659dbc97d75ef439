import { asRecord, asText, type JsonObject, readIfSmall, type Refusal, refuse } from "../reading.ts";
import type { SourceView } from "../../server/builds/plan.ts";

export interface ComposerProject {
  readonly manifest: JsonObject;
  readonly hasLock: boolean;
  /** Lower-cased names of all packages, required and locked. */
  readonly packages: ReadonlySet<string>;
  /** Names of extensions without `ext-`. */
  readonly extensions: readonly string[];
  /** Of `require.php`, and of the locked packages' own. */
  readonly phpConstraints: readonly PhpConstraint[];
  /** Folders and archives of the repository that packages come from. */
  readonly localFiles: readonly string[];
  /** Packages come from places that may want a password. */
  readonly isPrivate: boolean;
}

export interface PhpConstraint {
  readonly place: string;
  readonly text: string;
}

/** Undefined without a composer.json. */
export function readComposer(source: SourceView): ComposerProject | Refusal | undefined {
  const text = readIfSmall(source, "composer.json");
  if (text === undefined) return undefined;
  const manifest = parsed(text);
  if (manifest === undefined)
    return refuse("composer.json is not valid JSON.", "Run composer validate, correct it and push again.");
  // A lockfile too long to be read is left to Composer.
  const lock = parsed(readIfSmall(source, "composer.lock") ?? "{}") ?? {};
  const hasLock = source.has("composer.lock");
  const required = asRecord(manifest["require"]);
  const names = Object.keys(required).map((name) => name.toLowerCase());
  const packages = names.filter((name) => name.includes("/"));
  if (packages.length > 0 && !hasLock) {
    return refuse(
      "composer.json requires packages, but there is no composer.lock.",
      "Run composer update, commit composer.lock and push again.",
    );
  }
  const locked = Array.isArray(lock["packages"]) ? lock["packages"].map(asRecord) : [];
  const ofLocked = locked.flatMap((it) => Object.keys(asRecord(it["require"])));
  const platform = Object.keys(asRecord(lock["platform"]));
  const extensions = [...names, ...ofLocked, ...platform].flatMap(
    (name) => /^ext-(.+)$/i.exec(name)?.[1]?.toLowerCase() ?? [],
  );
  const repositories = Object.values(asRecord(manifest["repositories"] ?? {}))
    .concat(listOf(manifest["repositories"]))
    .map(asRecord);
  const local = repositories.filter((it) => it["type"] === "path" || it["type"] === "artifact");
  return {
    manifest,
    hasLock,
    packages: new Set([...packages, ...locked.flatMap((it) => asText(it["name"])?.toLowerCase() ?? [])]),
    extensions: [...new Set(extensions)].toSorted(),
    phpConstraints: constraintsOf(required, locked),
    localFiles: local.flatMap((it) => localFolder(asText(it["url"]))),
    isPrivate: repositories.some((it) =>
      ["composer", "vcs", "git", "github", "gitlab"].includes(asText(it["type"]) ?? ""),
    ),
  };
}

function constraintsOf(required: JsonObject, locked: readonly JsonObject[]): readonly PhpConstraint[] {
  const own = asText(required["php"]);
  const theirs = locked.flatMap((it) => {
    const text = asText(asRecord(it["require"])["php"]);
    return text === undefined ? [] : [{ place: `${asText(it["name"]) ?? "a package"} in composer.lock`, text }];
  });
  return [...(own === undefined ? [] : [{ place: "composer.json", text: own }]), ...theirs];
}

/** `./packages/*` is in `packages`. */
function localFolder(url: string | undefined): readonly string[] {
  const folder = url
    ?.replace(/^\.\//, "")
    .replace(/\/?\*.*$/, "")
    .replace(/\/$/, "");
  return folder === undefined || folder === "" || folder.startsWith("/") || folder.includes("..") ? [] : [folder];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function parsed(text: string): JsonObject | undefined {
  try {
    return asRecord(JSON.parse(text));
  } catch {
    return undefined;
  }
}
