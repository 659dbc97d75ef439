import { validator } from "hono/validator";
import { z } from "zod";
import { AppError } from "../core/errors.ts";

/** The JSON body, checked. Errors name the field. */
export function body<S extends z.ZodType>(schema: S) {
  return validator("json", (value: unknown): z.output<S> => check(schema, value));
}

/** The query string, checked. Values arrive as strings: use `z.coerce` for numbers. */
export function query<S extends z.ZodType>(schema: S) {
  return validator("query", (value: unknown): z.output<S> => check(schema, value));
}

/** @throws AppError INPUT_INVALID naming the first field that is wrong */
export function check<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? "The request" : `"${issue.path.join(".")}"`;
  throw new AppError("INPUT_INVALID", { what: `${field} is not right: ${issue?.message ?? "unknown"}.` });
}

/** A positive whole number of a path, as in `releases/7`. */
export function parseNumber(raw: string, what: string): number {
  const value = /^v?([0-9]{1,9})$/.exec(raw)?.[1];
  if (value !== undefined && Number(value) > 0) return Number(value);
  throw new AppError("INPUT_INVALID", { what: `"${raw}" is not the number of a ${what}.` });
}
