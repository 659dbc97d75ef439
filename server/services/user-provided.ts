import { AppError } from "../core/errors.ts";
import { urlOf } from "./environment.ts";

const maxBytes = 64 * 1024;
const control = /\p{Cc}/u;

/** @throws AppError SERVICE_CREDENTIALS_INVALID when they could not stand in an app's environment */
export function checkCredentials(name: string, credentials: Readonly<Record<string, unknown>>): void {
  const reason = problemOf(credentials);
  if (reason !== undefined) throw new AppError("SERVICE_CREDENTIALS_INVALID", { name, reason });
}

function problemOf(credentials: unknown): string | undefined {
  if (typeof credentials !== "object" || credentials === null || Array.isArray(credentials)) {
    return "they are not a JSON object";
  }
  const size = Buffer.byteLength(JSON.stringify(credentials));
  if (size > maxBytes) return `they take ${size} bytes and ${maxBytes} is the limit`;
  if (control.test(urlOf({ ...credentials }) ?? "")) return "their uri holds a control character";
  return undefined;
}
