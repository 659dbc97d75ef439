import path from "node:path";
import { stringify } from "smol-toml";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, isRecord, type JsonObject } from "../reading.ts";
import { programsOf } from "./manifest.ts";
import { mapDependencies, type OwnPackage, withoutVersion } from "./own-packages.ts";

/** Path → content: all that Cargo needs to compile the dependencies of some packages, and nothing of their code. */
export type Stubs = Readonly<Record<string, string>>;

const lib = "paas-lib.rs";
const main = "paas-main.rs";
const build = "paas-build.rs";
export const stubProgram = "paas-stub";
export const stubNames: readonly string[] = [lib, main, build];
const version = "0.0.0";
/** Of a package that stands alone: then apps of any name share what their dependencies are compiled to. */
const loneName = "app";

export function stubsOf(source: SourceView, packages: readonly OwnPackage[], lockfile: string): Stubs {
  const isLone = packages.length === 1 && packages[0]?.manifest["workspace"] === undefined;
  const files = packages.flatMap((own) => stubOf(source, own, isLone));
  return { ...Object.fromEntries(files), "Cargo.lock": lockOf(lockfile, isLone) };
}

function stubOf(source: SourceView, own: OwnPackage, isLone: boolean): readonly (readonly [string, string])[] {
  const at = (file: string) => path.posix.join(own.folder, file);
  const targets = targetsOf(source, own);
  const manifest = stringify(reduced(own.manifest, targets, isLone));
  return [
    [at("Cargo.toml"), manifest],
    ...(targets.lib === undefined ? [] : [[at(lib), ""] as const]),
    ...(targets.hasPrograms ? [[at(main), "fn main() {}\n"] as const] : []),
    ...(targets.hasBuild ? [[at(build), "fn main() {}\n"] as const] : []),
  ];
}

interface Targets {
  /** What of the library decides how dependencies are compiled. */
  readonly lib: JsonObject | undefined;
  readonly hasPrograms: boolean;
  readonly hasBuild: boolean;
}

function targetsOf(source: SourceView, { folder, manifest }: OwnPackage): Targets {
  const pkg = asRecord(manifest["package"]);
  const declared = asRecord(manifest["lib"]);
  const hasLib = isRecord(manifest["lib"]) || source.has(path.posix.join(folder, "src/lib.rs"));
  const kept = ["proc-macro", "crate-type"].filter((key) => declared[key] !== undefined);
  const script = pkg["build"];
  return {
    lib: hasLib ? { ...Object.fromEntries(kept.map((key) => [key, declared[key]])), path: lib } : undefined,
    hasPrograms: programsOf(source, folder).length > 0,
    hasBuild: script === undefined ? source.has(path.posix.join(folder, "build.rs")) : script !== false,
  };
}

/** A manifest with what Cargo compiles dependencies by, in an order of its own. */
function reduced(manifest: JsonObject, targets: Targets, isLone: boolean): JsonObject {
  const all = mapDependencies(manifest, withoutVersion);
  const kept = ["dependencies", "dev-dependencies", "build-dependencies", "target", "features", "profile", "patch"];
  return {
    ...(manifest["package"] === undefined
      ? {}
      : { package: packageOf(asRecord(manifest["package"]), targets, isLone) }),
    ...(targets.lib === undefined ? {} : { lib: targets.lib }),
    ...(targets.hasPrograms ? { bin: [{ name: stubProgram, path: main }] } : {}),
    ...(manifest["workspace"] === undefined ? {} : { workspace: workspaceOf(asRecord(all["workspace"])) }),
    ...Object.fromEntries(kept.filter((key) => all[key] !== undefined).map((key) => [key, all[key]])),
  };
}

function packageOf(pkg: JsonObject, targets: Targets, isLone: boolean): JsonObject {
  const kept = ["edition", "resolver", "links", "workspace"].filter((key) => pkg[key] !== undefined);
  return {
    name: isLone ? loneName : asText(pkg["name"]),
    version,
    ...Object.fromEntries(kept.map((key) => [key, pkg[key]])),
    build: targets.hasBuild ? build : false,
    autobins: false,
    autoexamples: false,
    autotests: false,
    autobenches: false,
  };
}

function workspaceOf(workspace: JsonObject): JsonObject {
  const { metadata: _metadata, lints: _lints, package: inherited, ...rest } = workspace;
  const edition = asRecord(inherited)["edition"];
  return { ...rest, ...(edition === undefined ? {} : { package: { edition } }) };
}

/** The lockfile with own packages as the reduced manifests have them. */
function lockOf(lockfile: string, isLone: boolean): string {
  const [head = "", ...blocks] = lockfile.replaceAll("\r\n", "\n").split(/^\[\[package\]\]$/m);
  const own = (block: string) => {
    const versioned = block.replace(/^version = ".*"$/m, `version = "${version}"`);
    return isLone ? versioned.replace(/^name = ".*"$/m, `name = "${loneName}"`) : versioned;
  };
  return [head, ...blocks.map((block) => (/^source = /m.test(block) ? block : own(block)))].join("[[package]]");
}
