import { randomBytes } from "node:crypto";
import { AppError } from "./errors.ts";

declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]: B };

export type AppId = Brand<string, "AppId">;
export type AppName = Brand<string, "AppName">;
export type SpaceName = Brand<string, "SpaceName">;
export type ServiceName = Brand<string, "ServiceName">;
export type ProcessType = Brand<string, "ProcessType">;

/** A random id of 12 characters [a-z0-9], first one a letter: safe in image tags, container and volume names. */
export function newId(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  const bytes = randomBytes(12);
  let id = alphabet[(bytes[0] ?? 0) % 26] ?? "a";
  for (const byte of bytes.subarray(1)) id += alphabet[byte % 36] ?? "0";
  return id;
}

const appNamePattern = /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/;
const serviceNamePattern = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const processTypePattern = /^[A-Za-z0-9_-]{1,63}$/;

/** Lower-case letters, digits and dashes, a letter first, 30 characters at most: it becomes a DNS label. */
export function parseAppName(raw: string): AppName {
  if (!appNamePattern.test(raw) || raw === "paas") throw new AppError("APP_NAME_INVALID", { name: raw });
  return raw as AppName;
}

export function parseServiceName(raw: string): ServiceName {
  if (!serviceNamePattern.test(raw)) throw new AppError("SERVICE_NAME_INVALID", { name: raw });
  return raw as ServiceName;
}

/** Heroku's grammar of a process type: letters, digits, `_` and `-`. */
export function parseProcessType(raw: string): ProcessType {
  if (!processTypePattern.test(raw)) throw new AppError("PROCESS_TYPE_INVALID", { type: raw });
  return raw as ProcessType;
}

export const defaultSpace = "default" as SpaceName;
export const web = "web" as ProcessType;
