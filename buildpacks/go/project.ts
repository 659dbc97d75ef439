import path from "node:path";
import semver from "semver";
import type { SourceView } from "../../server/builds/plan.ts";
import { isRefusal, type Refusal, refuse } from "../reading.ts";
import { type ModFile, parseModFile, parseWorkFile } from "./modfile.ts";
import { findMains, type MainPackage } from "./packages.ts";

export interface GoProject {
  readonly mains: readonly MainPackage[];
  /** The toolchain that builds: the stack's own, unless a newer or another one is asked for. */
  readonly version: string;
  /** Asked for by name, whatever go.mod needs: the value of GOTOOLCHAIN. */
  readonly toolchain: string;
  /** It has to be fetched. */
  readonly needsToolchain: boolean;
  readonly fetchesModules: boolean;
  /** go.mod, go.sum and their kind, of all modules. */
  readonly files: readonly string[];
  readonly isWorkspace: boolean;
  readonly notes: readonly string[];
}

interface Module {
  readonly folder: string;
  readonly mod: ModFile;
}

/** Reads go.work with its modules, else go.mod. */
export function readGoProject(source: SourceView, stackVersion: string): GoProject | Refusal {
  const isWorkspace = source.has("go.work");
  const modules = isWorkspace ? readWorkspace(source) : readModule(source, "");
  if (isRefusal(modules)) return modules;
  const mains = modules.flatMap(({ folder, mod }) => findMains(source, mod, folder));
  if (mains.length === 0) return noMain(isWorkspace);
  const asked = modules.flatMap(({ mod }) => [mod.go, mod.toolchain]);
  const work = isWorkspace ? parseWorkFile(source.read("go.work") ?? "") : undefined;
  const needed = [...asked, work?.go, work?.toolchain].reduce<string>(
    (best, v) => (v !== undefined && isNewer(v, best) ? v : best),
    stackVersion,
  );
  const wanted = wantedVersion(modules, needed, stackVersion);
  if (isRefusal(wanted)) return wanted;
  const isVendored = source.has("vendor/modules.txt");
  return {
    mains,
    version: wanted.version,
    // Distributions set "local", which refuses a go.mod that asks for a newer Go.
    toolchain: wanted.isExact ? `go${wanted.version}+auto` : "auto",
    needsToolchain: wanted.version !== stackVersion,
    fetchesModules: !isVendored && modules.some(({ mod }) => mod.hasRequirements),
    files: filesOf(source, modules),
    isWorkspace,
    notes: wanted.notes,
  };
}

function readWorkspace(source: SourceView): readonly Module[] | Refusal {
  const { uses } = parseWorkFile(source.read("go.work") ?? "");
  const outside = uses.find((folder) => path.posix.normalize(folder).startsWith(".."));
  if (outside !== undefined) {
    return refuse(
      `go.work uses ${outside}, which is outside of the repository.`,
      "Move it into the repository, or take it out of go.work.",
    );
  }
  const modules: Module[] = [];
  for (const folder of uses) {
    const read = readModule(source, folder);
    if (isRefusal(read)) return read;
    modules.push(...read);
  }
  if (modules.length > 0) return modules;
  return refuse("go.work uses no module.", "Add one with: go work use ./FOLDER. Commit go.work and push again.");
}

function readModule(source: SourceView, folder: string): readonly Module[] | Refusal {
  const at = (file: string): string => path.posix.join(folder, file);
  const text = source.read(at("go.mod"));
  if (text === undefined) {
    if (folder !== "")
      return refuse(
        `go.work uses ${folder}, but there is no ${at("go.mod")}.`,
        "Commit it, or take the folder out of go.work.",
      );
    return refuse("There is no go.mod.", "Make one with: go mod init NAME && go mod tidy. Commit it and push again.");
  }
  const mod = parseModFile(text);
  const isVendored = source.has("vendor/modules.txt");
  if (mod.hasRequirements && !isVendored && !source.has(at("go.sum")) && !source.has("go.work.sum")) {
    return refuse(
      `${at("go.mod")} lists modules, but there is no ${at("go.sum")}.`,
      "Run go mod tidy, commit go.sum and push again.",
    );
  }
  const outside = mod.localReplacements.find((target) => path.posix.join(folder, target).startsWith(".."));
  if (outside === undefined) return [{ folder, mod }];
  return refuse(
    `${at("go.mod")} replaces a module by ${outside}, which is outside of the repository.`,
    "Move it into the repository, or require a published version.",
  );
}

function noMain(isWorkspace: boolean): Refusal {
  return isWorkspace
    ? refuse(
        "No main package was found in the modules of go.work, nor in a folder of their cmd/.",
        "Put it there, or name it in the module's go.mod with the comment: // +heroku install ./path/to/main",
      )
    : refuse(
        "No main package was found at the top of the repository or in a folder of cmd/.",
        "Put it there, or name it in go.mod with the comment: // +heroku install ./path/to/main",
      );
}

/** Heroku's comment names a release; an older one than the stack's is no loss, since Go builds what was written for it. */
function wantedVersion(modules: readonly Module[], needed: string, stackVersion: string) {
  const wanted = modules.map(({ mod }) => mod.wanted).find((v) => v !== undefined);
  if (wanted === undefined) return { version: needed, isExact: false, notes: [] };
  const isExact = /^\d+\.\d+\.\d+$/.test(wanted);
  if (isExact && !isNewer(needed, wanted)) return { version: wanted, isExact, notes: [] };
  if (!isNewer(wanted, needed)) {
    return {
      version: needed,
      isExact: false,
      notes: [`+heroku goVersion says ${wanted}: built with Go ${needed}, which builds what was written for it.`],
    };
  }
  return refuse(
    `+heroku goVersion asks for Go ${wanted}, which is newer than the stack's ${stackVersion} and no release.`,
    `Name one with its patch number, like go${wanted.replace(/^(\d+\.\d+).*/, "$1")}.1, or use the toolchain line of go.mod.`,
  );
}

function filesOf(source: SourceView, modules: readonly Module[]): readonly string[] {
  const folders = modules.flatMap(({ folder, mod }) => [
    folder,
    ...mod.localReplacements.map((f) => path.posix.join(folder, f)),
  ]);
  const files = folders.flatMap((folder) => ["go.mod", "go.sum"].map((file) => path.posix.join(folder, file)));
  return [...new Set([...files, "go.work", "go.work.sum"])].filter((file) => source.has(file));
}

function isNewer(version: string, than: string): boolean {
  return semver.gt(semver.coerce(version) ?? "0.0.0", semver.coerce(than) ?? "0.0.0");
}
