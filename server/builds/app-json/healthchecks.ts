import type { Checks, HealthCheck, HealthProbe } from "../../core/types.ts";
import type { JsonValue } from "./json-text.ts";

const hint = 'Write: "healthchecks": {"web": [{"type": "startup", "path": "/health", "attempts": 3}]}';
const typePattern = /^[A-Za-z0-9_-]{1,63}$/;
const second = 1000;
const known = new Set([
  ...["name", "type", "path", "port", "attempts", "timeout", "wait", "initialDelay", "content", "httpHeaders"],
  ...["scheme", "command", "listening", "uptime", "warn", "onFailure"],
]);
const kinds = ["path", "command", "listening", "uptime"] as const;

type Role = "startup" | "liveness" | "readiness";

type Fields = ReadonlyMap<string, JsonValue>;

/** What was read of one entry: a check, or with `uptime` only how long to stay up. */
interface Entry {
  readonly role: Role;
  readonly check: HealthCheck | undefined;
  readonly uptimeMs: number | undefined;
  /** Its own window to pass in, when it says something about it. */
  readonly windowMs: number | undefined;
}

/**
 * Dokku's healthchecks per process type. A startup check is asked at once and often within the time that Dokku's attempts
 * would take; liveness and readiness are asked as written.
 * https://dokku.com/docs/deployment/zero-downtime-deploys/
 */
export function readHealthchecks(value: JsonValue, notes: string[]): Readonly<Record<string, Partial<Checks>>> {
  const all = value.entries(hint).map(([type, list]) => {
    if (!typePattern.test(type)) list.refuse("it is not a process type.", hint);
    const entries = list.items(hint).map((item, at) => readEntry(item, at, notes));
    return [type, toChecks(entries)] as const;
  });
  return Object.fromEntries(all);
}

function toChecks(entries: readonly Entry[]): Partial<Checks> {
  const of = (role: Role) => entries.flatMap((e) => (e.role === role && e.check !== undefined ? [e.check] : []));
  const lists = { startup: of("startup"), liveness: of("liveness"), readiness: of("readiness") };
  const windows = entries.flatMap((e) => (e.role === "startup" && e.windowMs !== undefined ? [e.windowMs] : []));
  const uptimes = entries.flatMap((e) => e.uptimeMs ?? []);
  return {
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(windows.length > 0 && { bootTimeoutMs: Math.max(...windows) }),
    ...(uptimes.length > 0 && { settleMs: Math.max(...uptimes) }),
  };
}

function readEntry(item: JsonValue, at: number, notes: string[]): Entry {
  const fields = new Map(item.entries(hint));
  const strange = [...fields].find(([key]) => !known.has(key));
  if (strange) strange[1].refuse("it is no key of a healthcheck.", hint);
  const role = readRole(fields.get("type"));
  const given = kinds.filter((kind) => fields.has(kind) && fields.get(kind)?.value !== false);
  if (given.length > 1) item.refuse(`${given.join(" and ")} exclude each other.`, "Make two checks of it.");
  if (fields.has("onFailure")) notes.push(`app.json: ${item.key}.onFailure is not run; failures are in paas logs`);
  const scheme = fields.get("scheme");
  if (scheme !== undefined && scheme.value !== "http")
    scheme.refuse("instances are asked by http only.", 'Leave scheme out, or check {"listening": true}.');
  const window = readWindow(fields);
  if (given[0] === "uptime") {
    const uptimeMs = fields.get("uptime")?.whole(1, 600) ?? 0;
    if (role !== "startup") item.refuse(`uptime is for startup, not for ${role}.`, "Use path, listening or command.");
    return { role, check: undefined, uptimeMs: uptimeMs * second, windowMs: undefined };
  }
  const name = fields.get("name")?.text(hint) ?? `check-${at + 1}`;
  const warn = fields.get("warn")?.flag() ?? false;
  const isTimed = ["attempts", "timeout", "wait", "initialDelay"].some((key) => fields.has(key));
  const windowMs = isTimed ? window.initialDelayMs + window.attempts * (window.timeoutMs + window.waitMs) : undefined;
  return { role, check: { name, probe: readProbe(fields, given[0]), ...window, warn }, uptimeMs: undefined, windowMs };
}

function readRole(at: JsonValue | undefined): Role {
  const role = at?.value ?? "startup";
  if (role === "startup" || role === "liveness" || role === "readiness") return role;
  return (at as JsonValue).refuse(
    `${JSON.stringify(role)} is no type of check.`,
    "Use startup, liveness or readiness.",
  );
}

function readWindow(fields: Fields) {
  return {
    attempts: fields.get("attempts")?.whole(1, 1000) ?? 3,
    timeoutMs: (fields.get("timeout")?.whole(1, 600) ?? 5) * second,
    waitMs: (fields.get("wait")?.whole(0, 600) ?? 5) * second,
    initialDelayMs: (fields.get("initialDelay")?.whole(0, 1800) ?? 0) * second,
  };
}

function readProbe(fields: Fields, kind: (typeof kinds)[number] | undefined): HealthProbe {
  const port = fields.get("port")?.whole(1, 65_535);
  if (kind === "command") return { kind, argv: readCommand(fields.get("command") as JsonValue) };
  if (kind === "listening") return { kind, port };
  const at = fields.get("path");
  const path = at?.text(hint) ?? "/";
  if (!/^\/[^\s#]*$/.test(path)) at?.refuse(`${JSON.stringify(path)} is not a path.`, "Write it like /health");
  const content = fields.get("content")?.text(hint);
  return { kind: "path", path, port, content: content === "" ? undefined : content, headers: readHeaders(fields) };
}

function readCommand(at: JsonValue): readonly string[] {
  const how = 'Write each word by itself: "command": ["/bin/check", "--fast"]';
  const argv = at.items(how).map((word) => word.text(how));
  return argv.length === 0 ? at.refuse("it is empty.", how) : argv;
}

const headerHint = 'Write: "httpHeaders": [{"name": "X-Check", "value": "1"}]';

function readHeaders(fields: Fields): Readonly<Record<string, string>> {
  const items = fields.get("httpHeaders")?.items(headerHint) ?? [];
  const headers = items.map((item) => {
    const parts = new Map(item.entries(headerHint));
    const name = parts.get("name")?.text(headerHint) ?? item.refuse("it has no name.", headerHint);
    const value = parts.get("value")?.text(headerHint) ?? item.refuse("it has no value.", headerHint);
    const isFit = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && !/[\r\n\0]/.test(value);
    return isFit ? ([name.toLowerCase(), value] as const) : item.refuse("it cannot be sent as a header.", headerHint);
  });
  return Object.fromEntries(headers);
}
