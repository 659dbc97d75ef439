import { parse } from "smol-toml";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, isRefusal, type JsonObject, readIfSmall, type Refusal, refuse } from "../reading.ts";
import { readRequirements, requirementNames } from "./requirements.ts";

export interface PythonProject {
  readonly tool: "pip" | "uv" | "poetry" | "pipenv" | "pdm" | "none";
  readonly pyproject: JsonObject;
  /** Normalised names of what is installed, as far as the files tell. */
  readonly names: ReadonlySet<string>;
  /** Files of the dependency layer. */
  readonly files: readonly string[];
  /** The repository is a package that is installed itself, in a layer with the whole source. */
  readonly isPackage: boolean;
}

const lockfiles = ["requirements.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock"] as const;

export function readPythonProject(source: SourceView): PythonProject | Refusal {
  const pyproject = readPyproject(source);
  if (isRefusal(pyproject)) return pyproject;
  const found = lockfiles.filter((file) => source.has(file));
  const [lockfile, ...others] = found;
  if (others.length > 0) {
    return refuse(
      `There are several lists of dependencies: ${found.join(", ")}.`,
      "Keep the one that you use, remove the others with git rm, and push again.",
    );
  }
  if (lockfile === "requirements.txt") return withRequirements(source, pyproject);
  if (lockfile === "uv.lock") return withUv(source, pyproject);
  if (lockfile === "poetry.lock") return withPoetry(source, pyproject);
  if (lockfile === "Pipfile.lock") return withPipenv(source, pyproject);
  if (lockfile === "pdm.lock") return withPdm(source, pyproject);
  return withoutLock(source, pyproject);
}

function withRequirements(source: SourceView, pyproject: JsonObject): PythonProject {
  const { files, names, isLocal } = readRequirements(source, "requirements.txt");
  const local = isLocal ? declaredNames(pyproject) : [];
  return { tool: "pip", pyproject, names: new Set([...names, ...local]), files, isPackage: false };
}

function withUv(source: SourceView, pyproject: JsonObject): PythonProject | Refusal {
  if (!source.has("pyproject.toml")) return withoutProject("uv.lock");
  const uv = asRecord(asRecord(pyproject["tool"])["uv"]);
  const isPackage = typeof uv["package"] === "boolean" ? uv["package"] : pyproject["build-system"] !== undefined;
  const names = new Set([...declaredNames(pyproject), ...lockedNames(source, "uv.lock")]);
  return { tool: "uv", pyproject, names, files: ["pyproject.toml", "uv.lock"], isPackage };
}

function withPoetry(source: SourceView, pyproject: JsonObject): PythonProject | Refusal {
  if (!source.has("pyproject.toml")) return withoutProject("poetry.lock");
  const poetry = asRecord(asRecord(pyproject["tool"])["poetry"]);
  const name = asText(asRecord(pyproject["project"])["name"]) ?? asText(poetry["name"]) ?? "";
  const folder = name.toLowerCase().replace(/[-.]+/g, "_");
  const hasFolder = folder !== "" && [folder, `src/${folder}`].some((f) => source.has(`${f}/__init__.py`));
  const isPackage = poetry["package-mode"] !== false && (hasFolder || poetry["packages"] !== undefined);
  const names = new Set([...declaredNames(pyproject), ...lockedNames(source, "poetry.lock")]);
  return { tool: "poetry", pyproject, names, files: ["pyproject.toml", "poetry.lock"], isPackage };
}

function withPipenv(source: SourceView, pyproject: JsonObject): PythonProject | Refusal {
  if (!source.has("Pipfile"))
    return refuse("Pipfile.lock is there, but Pipfile is not.", "Commit Pipfile beside it and push again.");
  const lock = parseJson(readIfSmall(source, "Pipfile.lock") ?? "{}");
  if (lock === undefined)
    return refuse("Pipfile.lock is not valid JSON.", "Make it anew with: pipenv lock. Commit it and push again.");
  const names = new Set(Object.keys(asRecord(lock["default"])).map((name) => name.toLowerCase()));
  return { tool: "pipenv", pyproject, names, files: ["Pipfile", "Pipfile.lock"], isPackage: false };
}

function withPdm(source: SourceView, pyproject: JsonObject): PythonProject | Refusal {
  if (!source.has("pyproject.toml")) return withoutProject("pdm.lock");
  const isPackage = asRecord(asRecord(pyproject["tool"])["pdm"])["distribution"] === true;
  const names = new Set([...declaredNames(pyproject), ...lockedNames(source, "pdm.lock")]);
  return { tool: "pdm", pyproject, names, files: ["pyproject.toml", "pdm.lock"], isPackage };
}

function withoutLock(source: SourceView, pyproject: JsonObject): PythonProject | Refusal {
  if (source.has("Pipfile")) {
    return refuse("There is a Pipfile, but no Pipfile.lock.", "Run pipenv lock, commit Pipfile.lock and push again.");
  }
  if (source.has("environment.yml")) {
    return refuse(
      "environment.yml is for conda, whose packages cannot be had here.",
      "List the packages in requirements.txt (pip freeze > requirements.txt), commit it and push again.",
    );
  }
  if (declaredNames(pyproject).length > 0) {
    return refuse(
      "pyproject.toml lists dependencies, but there is no lockfile.",
      "Run uv lock (or poetry lock), commit the lockfile and push again.",
    );
  }
  if (source.has("setup.py")) {
    return refuse(
      "setup.py alone does not say what to install.",
      "Commit a requirements.txt with one line, a dot, to install the repository itself.",
    );
  }
  return { tool: "none", pyproject, names: new Set(), files: [], isPackage: false };
}

function withoutProject(lockfile: string): Refusal {
  return refuse(`${lockfile} is there, but pyproject.toml is not.`, "Commit pyproject.toml beside it and push again.");
}

function readPyproject(source: SourceView): JsonObject | Refusal {
  const text = source.read("pyproject.toml");
  if (text === undefined) return {};
  try {
    return parse(text.replace(/^\uFEFF/, ""));
  } catch (err) {
    const [cause = ""] = (err instanceof Error ? err.message : String(err)).split("\n");
    return refuse(`pyproject.toml cannot be read: ${cause}`, "Correct it, commit and push again.");
  }
}

/** Of `[project]` and of `[tool.poetry.dependencies]`; `fastapi[standard]` brings uvicorn. */
function declaredNames(pyproject: JsonObject): readonly string[] {
  const listed = asRecord(pyproject["project"])["dependencies"];
  const poetry = asRecord(asRecord(asRecord(pyproject["tool"])["poetry"])["dependencies"]);
  const standard = Array.isArray(listed) ? listed.filter((v): v is string => typeof v === "string") : [];
  return [...standard, ...Object.keys(poetry).filter((name) => name !== "python")].flatMap(requirementNames);
}

function parseJson(text: string): JsonObject | undefined {
  try {
    return asRecord(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function lockedNames(source: SourceView, file: string): readonly string[] {
  const text = readIfSmall(source, file) ?? "";
  return [...text.matchAll(/^name = "([^"]+)"$/gm)].map(([, name]) => (name ?? "").toLowerCase());
}
