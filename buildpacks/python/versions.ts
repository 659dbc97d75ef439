import semver from "semver";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, type JsonObject, readIfSmall, type Refusal, refuse } from "../reading.ts";

/** Refuses a Python that the stack does not have; `available` is like `3.13`. Order: runtime.txt, .python-version, Pipfile, pyproject.toml. */
export function checkPython(source: SourceView, pyproject: JsonObject, available: string): Refusal | undefined {
  const exact = exactWish(source);
  if (exact !== undefined)
    return exact.version === minorOf(exact.version, available) ? undefined : mismatch(exact, available);
  const wish = rangeWish(pyproject);
  if (wish === undefined || allows(wish.version, available)) return undefined;
  return mismatch(wish, available);
}

interface Wish {
  readonly place: string;
  readonly version: string;
}

function exactWish(source: SourceView): Wish | undefined {
  for (const place of ["runtime.txt", ".python-version"]) {
    const lines = (source.read(place) ?? "").replace(/^\uFEFF/, "").split(/\r?\n/);
    const line = lines.map((l) => l.replace(/#.*/, "").trim()).find((l) => l !== "");
    if (line !== undefined) return { place, version: line.replace(/^(python|cpython)-/, "") };
  }
  return pipfileWish(source);
}

function pipfileWish(source: SourceView): Wish | undefined {
  const text = readIfSmall(source, "Pipfile") ?? "";
  const version = /^\s*python_(?:full_)?version\s*=\s*["']([\d.]+)["']/m.exec(text)?.[1];
  return version === undefined ? undefined : { place: "Pipfile", version };
}

/** A patch version is taken as its minor: the stack's security updates decide it. Answers the wish itself when it fits. */
function minorOf(version: string, available: string): string | undefined {
  const fits =
    version === available || version.startsWith(`${available}.`) || version === (available.split(".")[0] ?? "");
  return fits ? version : undefined;
}

function rangeWish(pyproject: JsonObject): Wish | undefined {
  const standard = asText(asRecord(pyproject["project"])["requires-python"]);
  if (standard !== undefined) return { place: "requires-python in pyproject.toml", version: standard };
  const poetry = asRecord(asRecord(asRecord(pyproject["tool"])["poetry"])["dependencies"])["python"];
  const text = asText(poetry);
  return text === undefined ? undefined : { place: "the python dependency in pyproject.toml", version: text };
}

/** Whether a specifier (PEP 440, with Poetry's `^` and `||`) lets a recent patch of the minor in. Unreadable parts do. */
export function allows(specifier: string, available: string): boolean {
  const recent = `${available}.99`;
  return specifier.split("||").some((part) => {
    const clauses = part
      .split(",")
      .map((c) => c.trim())
      .filter((c) => c !== "" && c !== "*");
    return clauses.every((clause) => clauseAllows(clause, recent));
  });
}

function clauseAllows(clause: string, version: string): boolean {
  const [, operator, raw] = /^(===|==|!=|~=|>=|<=|>|<|\^|~)?\s*v?(\d+(?:\.\d+)*(?:\.\*)?)/.exec(clause) ?? [];
  if (raw === undefined) return true;
  const numbers = raw.replace(/\.\*$/, "").split(".");
  const padded = [...numbers, "0", "0"].slice(0, 3).join(".");
  const isWild = raw.endsWith(".*") || operator === undefined;
  const prefix = semver.satisfies(version, `${numbers.join(".")}${numbers.length < 3 ? ".x" : ""}`);
  if (operator === "==" || operator === "===" || operator === undefined) return isWild ? prefix : version === padded;
  if (operator === "!=") return isWild ? !prefix : version !== padded;
  if (operator === "~=") return semver.satisfies(version, `>=${padded} <${nextOf(numbers.slice(0, -1))}`);
  if (operator === "^" || operator === "~") return semver.satisfies(version, `${operator}${numbers.join(".")}`);
  return semver.satisfies(version, `${operator}${padded}`);
}

/** [3] → 4.0.0, [3, 10] → 3.11.0 */
function nextOf(numbers: readonly string[]): string {
  const raised = [...numbers.slice(0, -1), String(Number(numbers.at(-1) ?? "0") + 1)];
  return [...raised, "0", "0"].slice(0, 3).join(".");
}

function mismatch(wish: Wish, available: string): Refusal {
  return refuse(
    `${wish.place} asks for Python ${wish.version}, which cannot be had.`,
    `Python ${available} can: write it there, or bring your own with a Dockerfile.`,
  );
}
