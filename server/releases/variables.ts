import { randomBytes } from "node:crypto";
import { AppError } from "../core/errors.ts";
import type { App, ConfigVars, Manifest } from "../core/types.ts";

export interface VariablesInput {
  readonly wanted: Manifest["env"];
  /** Config vars as they are. */
  readonly config: ConfigVars;
  /** Names that service bindings give. */
  readonly bound: ReadonlySet<string>;
  /** Names that a deploy has given before: one that was unset since stays so. */
  readonly given: ReadonlySet<string>;
}

export interface Variables {
  readonly generated: ConfigVars;
  readonly defaults: ConfigVars;
  readonly missing: readonly { readonly key: string; readonly description: string | undefined }[];
}

/** What app.json adds to the config vars of an app. What is set already is never changed. */
export function addedVariables(input: VariablesInput, secret: () => string = randomSecret): Variables {
  const open = Object.entries(input.wanted).filter(([key]) => input.config[key] === undefined && !input.bound.has(key));
  const fresh = open.filter(([key]) => !input.given.has(key));
  const isMade = ([, v]: (typeof open)[number]): boolean => v.isGenerated || v.value !== undefined;
  return {
    generated: Object.fromEntries(fresh.filter(([, v]) => v.isGenerated).map(([key]) => [key, secret()])),
    defaults: Object.fromEntries(
      fresh.flatMap(([key, v]) => (v.isGenerated || v.value === undefined ? [] : [[key, v.value]])),
    ),
    missing: open.flatMap((entry) =>
      entry[1].isRequired && !isMade(entry) ? [{ key: entry[0], description: entry[1].description }] : [],
    ),
  };
}

/** @throws AppError APP_JSON_VARIABLE_MISSING naming all of them */
export function assertNoneMissing(app: App, { missing }: Variables): void {
  if (missing.length === 0) return;
  const described = missing.map(({ key, description }) => (description ? `${key} (${description})` : key));
  const assignments = missing.map(({ key }) => `${key}=…`).join(" ");
  throw new AppError("APP_JSON_VARIABLE_MISSING", { names: described.join(", "), assignments, app: app.name });
}

/** Secrets that an app does not start without, as Heroku makes one for Rails; what is set or bound already is never changed. */
export function madeSecrets(
  wanted: readonly string[],
  known: readonly ConfigVars[],
  secret: () => string = randomSecret,
): ConfigVars {
  const missing = wanted.filter((key) => known.every((vars) => vars[key] === undefined));
  return Object.fromEntries(missing.map((key) => [key, secret()]));
}

/** As Heroku makes them: 64 hexadecimal digits. */
function randomSecret(): string {
  return randomBytes(32).toString("hex");
}
