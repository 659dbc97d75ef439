import { isAppError } from "../server/core/errors.ts";
import type { PlanResult, SourceView } from "../server/builds/plan.ts";

/** A repository that cannot be built as it is: why, and what to do. */
export type Refusal = Extract<PlanResult, { ok: false }>;

export function refuse(reason: string, hint: string): Refusal {
  return { ok: false, reason, hint };
}

export function isRefusal(value: unknown): value is Refusal {
  return isRecord(value) && value["ok"] === false && typeof value["reason"] === "string";
}

/** `problem` is `Available.registryProblem`. */
export function registryAway(language: string, problem: string): Refusal {
  return refuse(
    `The versions of ${language} could not be read from ${problem}.`,
    "Check that this machine reaches the npm registry (npm config get registry), then push again.",
  );
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asRecord(value: unknown): JsonObject {
  return isRecord(value) ? value : {};
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A lockfile may be larger than a view reads: what is only looked at to help is then passed over. */
export function readIfSmall(source: SourceView, path: string): string | undefined {
  try {
    return source.read(path)?.replace(/^\uFEFF/, "");
  } catch (err) {
    if (isAppError(err, "INPUT_INVALID")) return undefined;
    throw err;
  }
}

/** Whether a package manager's settings take a value from the environment, as private registries' tokens do. */
export function namesVariables(source: SourceView, files: readonly string[]): boolean {
  return files.some((file) => /\$\{\w+[^}]*\}/.test(readIfSmall(source, file) ?? ""));
}
