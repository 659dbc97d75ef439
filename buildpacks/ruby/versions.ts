import semver from "semver";
import type { SourceView } from "../../server/builds/plan.ts";
import { type Refusal, refuse } from "../reading.ts";
import { readWish } from "./gemfile.ts";

export interface RubyChoice {
  readonly notes: readonly string[];
  /** Bundler would insist on another last number than the one that the stack has. */
  readonly isPinned: boolean;
}

/** Refuses a Ruby that the stack's distribution does not have; `available` is like `3.3`. */
export function checkRuby(source: SourceView, available: string): RubyChoice | Refusal {
  const wish = readWish(source);
  if (wish === undefined) return { notes: [], isPinned: false };
  const clauses = wish.text.split(",").map((clause) => clause.trim());
  if (!clauses.every((clause) => allows(clause, available))) {
    return refuse(
      `${wish.place} asks for Ruby ${wish.text}, which cannot be had.`,
      `Ruby ${available} can: write ruby "~> ${available}.0" into the Gemfile, or bring your own with a Dockerfile.`,
    );
  }
  const isBare = clauses.some((clause) => /^(=\s*)?\d/.test(clause));
  const notes =
    isBare && wish.text !== available
      ? [`${wish.place} says ${wish.text}: using Ruby ${available} with its security updates.`]
      : [];
  return { notes, isPinned: wish.isChecked && isBare };
}

/** RubyGems' operators; a bare version is any of its line, since the last number is decided elsewhere. */
function allows(clause: string, available: string): boolean {
  const [, operator = "", raw] = /^(~>|>=|<=|!=|=|>|<)?\s*(\d+(?:\.\d+)*)/.exec(clause) ?? [];
  if (raw === undefined) return false;
  const numbers = raw.split(".");
  const recent = `${available}.99`;
  const padded = [...numbers, "0", "0"].slice(0, 3).join(".");
  if (operator === "" || operator === "=") return `${numbers.slice(0, 2).join(".")}` === available;
  if (operator === "!=") return true;
  if (operator !== "~>") return semver.satisfies(recent, `${operator}${padded}`);
  const upper = numbers.length > 2 ? `<${numbers[0]}.${Number(numbers[1]) + 1}.0` : `<${Number(numbers[0]) + 1}.0.0`;
  return semver.satisfies(recent, `>=${padded} ${upper}`);
}
