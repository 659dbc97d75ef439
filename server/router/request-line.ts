import { type Failure, failures } from "./failures.ts";

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
  /** A failure, or a policy's word for an answer of its own. */
  readonly code: string | undefined;
}

const maxValueLength = 8_192;

/** Heroku's router line, what follows `heroku[router]: `. No value can end the line or its own quotes. */
export function requestLine(facts: RequestFacts): string {
  const { code, dyno, bytes } = facts;
  const at = code === undefined ? "at=info" : cause(code);
  const from = `method=${bare(facts.method)} path="${quoted(facts.path)}" host=${bare(facts.host)}`;
  const by = `request_id=${bare(facts.requestId)} fwd="${quoted(facts.fwd)}" dyno=${dyno === undefined ? "" : bare(dyno)}`;
  const times = `connect=${milliseconds(facts.connectMs)} service=${milliseconds(facts.serviceMs)}`;
  return `${at} ${from} ${by} ${times} status=${facts.status} bytes=${bytes ?? ""} protocol=${facts.protocol}`;
}

function cause(code: string): string {
  if (!Object.hasOwn(failures, code)) return `at=info code=${bare(code)}`;
  const { level, desc, sock }: Failure = failures[code as keyof typeof failures];
  return `at=${level} code=${code} desc="${quoted(desc)}"${sock === undefined ? "" : ` sock=${sock}`}`;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "" : `${Math.max(0, Math.round(value))}ms`;
}

const plain = /^[ !#-[\]-~]*$/;
const plainWord = /^[!#-[\]-~]*$/;

function quoted(value: string): string {
  if (value.length <= maxValueLength && plain.test(value)) return value;
  const cut = value.length > maxValueLength ? `${value.slice(0, maxValueLength)}...` : value;
  return cut.replace(/["\\]/g, "\\$&").replace(/[^\u0020-\u007e]/g, escapeCharacter);
}

function bare(value: string): string {
  if (value.length <= maxValueLength && plainWord.test(value)) return value;
  return value.slice(0, maxValueLength).replace(/[^\u0021-\u007e]|["\\]/g, escapeCharacter);
}

function escapeCharacter(char: string): string {
  const code = char.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
