import { type FailureCode, failureOf } from "./failures.ts";

export interface RequestFacts {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly requestId: string;
  readonly fwd: string;
  /** `web.1`; undefined when no instance was chosen. */
  readonly dyno: string | undefined;
  readonly connectMs: number | undefined;
  readonly serviceMs: number | undefined;
  readonly status: number;
  readonly bytes: number | undefined;
  readonly protocol: "http" | "https";
  readonly code: FailureCode | undefined;
}

const maxValueLength = 8_192;

/** Heroku's router line, what follows `heroku[router]: `. No value can end the line or its own quotes. */
export function requestLine(facts: RequestFacts): string {
  return [
    ...cause(facts.code),
    `method=${bare(facts.method)}`,
    `path="${quoted(facts.path)}"`,
    `host=${bare(facts.host)}`,
    `request_id=${bare(facts.requestId)}`,
    `fwd="${quoted(facts.fwd)}"`,
    `dyno=${facts.dyno === undefined ? "" : bare(facts.dyno)}`,
    `connect=${milliseconds(facts.connectMs)}`,
    `service=${milliseconds(facts.serviceMs)}`,
    `status=${facts.status}`,
    `bytes=${facts.bytes ?? ""}`,
    `protocol=${facts.protocol}`,
  ].join(" ");
}

function cause(code: FailureCode | undefined): string[] {
  if (code === undefined) return ["at=info"];
  const { level, desc, sock } = failureOf(code);
  const fields = [`at=${level}`, `code=${code}`, `desc="${quoted(desc)}"`];
  return sock === undefined ? fields : [...fields, `sock=${sock}`];
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "" : `${Math.max(0, Math.round(value))}ms`;
}

function quoted(value: string): string {
  const cut = value.length > maxValueLength ? `${value.slice(0, maxValueLength)}…` : value;
  return cut.replace(/["\\]/g, "\\$&").replace(/[^\u0020-\u007e…]/g, escapeCharacter);
}

function bare(value: string): string {
  return value.slice(0, maxValueLength).replace(/[^\u0021-\u007e]|["\\]/g, escapeCharacter);
}

function escapeCharacter(char: string): string {
  const code = char.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
