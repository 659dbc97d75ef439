import { randomBytes } from "node:crypto";
import { AppError } from "./errors.ts";

/** What the machine refuses, by the codes that Node and SQLite give it. */
const diskFull = new Set(["ENOSPC", "EDQUOT", "SQLITE_FULL"]);
const readOnly = new Set(["EROFS", "SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY"]);

/**
 * Anything thrown, as an error that users may see. What is neither of the catalogue nor something the machine lacks is
 * told only by a reference, with which `note` keeps the cause for the operator.
 */
export function toAppError(err: unknown, note: (reference: string) => void): AppError {
  if (err instanceof AppError) return err;
  const codes = codesOf(err);
  if (codes.some((code) => diskFull.has(code))) return new AppError("DISK_FULL", {}, { cause: err });
  if (codes.some((code) => readOnly.has(code))) return new AppError("HOME_READ_ONLY", {}, { cause: err });
  const reference = randomBytes(6).toString("hex");
  note(reference);
  return new AppError("INTERNAL", { reference }, { cause: err });
}

/** Of the error and its causes. */
function codesOf(err: unknown): readonly string[] {
  if (!(err instanceof Error)) return [];
  const own = "code" in err && typeof err.code === "string" ? [err.code] : [];
  return [...own, ...codesOf(err.cause)];
}
