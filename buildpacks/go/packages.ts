import path from "node:path";
import type { SourceView } from "../../server/builds/plan.ts";
import { readIfSmall } from "../reading.ts";
import { type ModFile, programName } from "./modfile.ts";

export interface MainPackage {
  /** As `go build` takes it: `.`, `./cmd/api`. */
  readonly path: string;
  /** Of the program: `bin/<name>`. */
  readonly name: string;
}

/** The programs of a module: those that `+heroku install` names, else the root and each folder of cmd/. */
export function findMains(source: SourceView, mod: ModFile, root = ""): readonly MainPackage[] {
  const folders =
    mod.installs.length > 0
      ? mod.installs.flatMap((p) => expand(source, root, p))
      : [root, ...below(source, path.posix.join(root, "cmd"))];
  return folders.filter((folder) => isMain(source, folder)).map((folder) => toMain(mod, root, folder));
}

function toMain(mod: ModFile, root: string, folder: string): MainPackage {
  const target = folder === "" ? "." : `./${folder}`;
  return { path: target, name: programName(folder === root ? (mod.module ?? "app") : folder) };
}

/** `./cmd/...` is cmd and all folders directly below it. */
function expand(source: SourceView, root: string, pattern: string): readonly string[] {
  const folder = path.posix.join(root, pattern.replace(/\/?\.\.\.$/, "")).replace(/\/$/, "");
  const plain = folder === "." ? "" : folder;
  return pattern.endsWith("...") ? [plain, ...below(source, plain)] : [plain];
}

function below(source: SourceView, folder: string): readonly string[] {
  return source
    .list(folder)
    .filter((name) => name.endsWith("/") && !/^[._]|^(vendor|testdata)\/$/.test(name))
    .map((name) => path.posix.join(folder, name.slice(0, -1)));
}

function isMain(source: SourceView, folder: string): boolean {
  const files = source.list(folder).filter((name) => name.endsWith(".go") && !name.endsWith("_test.go"));
  return files.some((name) => {
    const text = readIfSmall(source, path.posix.join(folder, name)) ?? "";
    return /^package main\b/m.test(text) && !/^\/\/go:build ignore\b/m.test(text);
  });
}
