import { type Failure, failures } from "./failures.ts";

/** What became of a request. */
export interface RequestOutcome {
  /** `web.1`; undefined when no instance was chosen. */
  readonly dyno: string | undefined;
  readonly connectMs: number | undefined;
  readonly serviceMs: number | undefined;
  readonly status: number;
  readonly bytes: number | undefined;
  /** A failure, or a policy's word for an answer of its own. */
  readonly code: string | undefined;
}

/** One finished request, as the log tells of it. */
export interface LoggedRequest extends RequestOutcome {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly requestId: string;
  readonly forwardedFor: string;
  readonly protocol: "http" | "https";
  readonly tlsVersion: string | undefined;
}

/** Longer values are cut. */
export const maxValueLength = 8_192;

/** Heroku's router line, what follows `heroku[router]: `, in ASCII. No value can end the line or its own quotes. */
export function requestLine(one: LoggedRequest): string {
  const { dyno = "", bytes = "", tlsVersion } = one;
  const asked = `method=${word(one.method)} path=${quoted(one.target)} host=${word(one.host)} request_id=${word(one.requestId)} fwd=${quoted(one.forwardedFor)}`;
  const times = `connect=${milliseconds(one.connectMs)} service=${milliseconds(one.serviceMs)}`;
  const line = `${cause(one.code)} ${asked} dyno=${word(dyno)} ${times} status=${one.status} bytes=${bytes} protocol=${one.protocol}`;
  return tlsVersion === undefined ? line : `${line} tls_version=${word(tlsVersion)}`;
}

function cause(code: string | undefined): string {
  if (code === undefined) return "at=info";
  if (!Object.hasOwn(failures, code)) return `at=info code=${word(code)}`;
  const { level, desc, sock }: Failure = failures[code as keyof typeof failures];
  const failure = `at=${level} code=${code} desc=${quoted(desc)}`;
  return sock === undefined ? failure : `${failure} sock=${sock}`;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "" : `${value}ms`;
}

function quoted(value: string): string {
  const shown = value.length > maxValueLength ? `${value.slice(0, maxValueLength)}...` : value;
  return `"${shown.replace(/[^ -~]|["\\]/g, (char) => (char === '"' || char === "\\" ? `\\${char}` : escaped(char)))}"`;
}

/** A value without quotes ends at a blank. */
function word(value: string): string {
  return value.slice(0, maxValueLength).replace(/[^!-~]|["\\]/g, escaped);
}

/** `\xHH`, or `\uHHHH` for what is no latin1. */
function escaped(char: string): string {
  const code = char.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
