import semver from "semver";
import { type Refusal, refuse } from "../reading.ts";
import type { PhpConstraint } from "./composer.ts";

/** Refuses what the PHP of the stack's distribution does not satisfy; `available` is like `8.4`. */
export function checkPhp(constraints: readonly PhpConstraint[], available: string): Refusal | undefined {
  const unfit = constraints.find(({ text }) => !allows(text, available));
  if (unfit === undefined) return undefined;
  return refuse(
    `${unfit.place} asks for PHP ${unfit.text}, which cannot be had.`,
    `PHP ${available} can: allow it there (and run composer update), or bring your own with a Dockerfile.`,
  );
}

/** Whether a constraint lets a recent patch of the minor in. Grammar: https://getcomposer.org/doc/articles/versions.md */
export function allows(constraint: string, available: string): boolean {
  const recent = `${available}.99`;
  return constraint.split(/\s*\|\|?\s*/).some((part) => {
    const hyphen = /^\s*v?([\d.]+)\s+-\s+v?([\d.]+)\s*$/.exec(part);
    if (hyphen) return semver.satisfies(recent, `${hyphen[1]} - ${hyphen[2]}`);
    const clauses = part.split(/[\s,]+(?=[^\s,])/).map((clause) => clause.trim().replace(/@\w+$/, ""));
    return joined(clauses).every((clause) => clauseAllows(clause, recent));
  });
}

/** `>= 8.1` is one clause. */
function joined(clauses: readonly string[]): readonly string[] {
  const whole: string[] = [];
  for (const clause of clauses.filter((c) => c !== "")) {
    const last = whole.at(-1);
    if (last !== undefined && /^[<>=!~^]+$/.test(last)) whole[whole.length - 1] = last + clause;
    else whole.push(clause);
  }
  return whole;
}

function clauseAllows(clause: string, version: string): boolean {
  const [, operator = "", raw] = /^(==|!=|<>|>=|<=|>|<|=|\^|~)?v?(\d+(?:\.(?:\d+|[x*]))*)/.exec(clause) ?? [];
  if (raw === undefined) return true;
  const numbers = raw
    .split(".")
    .filter((part) => /^\d+$/.test(part))
    .slice(0, 3);
  const isWild = /[x*]/.test(raw);
  const padded = [...numbers, "0", "0"].slice(0, 3).join(".");
  if (operator === "^") return semver.satisfies(version, `^${padded}`);
  if (operator === "~")
    return semver.satisfies(version, `>=${padded} <${nextOf(numbers.slice(0, Math.max(1, numbers.length - 1)))}`);
  if (operator === "" || operator === "=" || operator === "==") {
    // A full version is taken as its minor: the stack's updates decide the patch; Composer has the last word.
    const prefix = isWild ? numbers : [...numbers, "0"].slice(0, 2);
    return semver.satisfies(version, `${prefix.join(".")}.x`);
  }
  if (operator === "!=" || operator === "<>") return true;
  return semver.satisfies(version, `${operator}${padded}`);
}

/** [8] → 9.0.0, [8, 2] → 8.3.0 */
function nextOf(numbers: readonly string[]): string {
  const raised = [...numbers.slice(0, -1), String(Number(numbers.at(-1) ?? "0") + 1)];
  return [...raised, "0", "0"].slice(0, 3).join(".");
}
