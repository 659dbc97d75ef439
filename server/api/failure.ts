import { HTTPException } from "hono/http-exception";
import { AppError } from "../core/errors.ts";
import { toAppError } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import type { WireError } from "../core/records.ts";

/** Problems of the transport itself; everything about apps is in the catalogue. */
const problems = {
  HOST_REFUSED: {
    status: 403,
    message: "The API does not answer to this host name.",
    hint: "Use the address that the daemon was set up with: http://paas.<domain> or the loopback address.",
  },
  ENDPOINT_NOT_FOUND: {
    status: 404,
    message: "The API has no such endpoint.",
    hint: "The client may be of another version than the daemon; compare with: paas version",
  },
  BODY_TOO_LARGE: {
    status: 413,
    message: "The request is larger than the API takes.",
    hint: "Keep large values in a file of the app or in a service.",
  },
} as const;

export type ProblemCode = keyof typeof problems;

export class ApiProblem extends Error {
  readonly code: ProblemCode;

  constructor(code: ProblemCode) {
    super(problems[code].message);
    this.name = "ApiProblem";
    this.code = code;
  }
}

/** What a client is told. Whatever is not in the catalogue is logged under a reference and tells nothing else. */
export function toWireError(err: unknown, log: Log): WireError {
  if (err instanceof ApiProblem) return { code: err.code, ...problems[err.code] };
  if (err instanceof HTTPException && err.status < 500) return toWireError(unreadable(), log);
  const known = toAppError(err, (reference) => log.error("request failed inside", { reference, error: err }));
  return { code: known.code, message: known.message, hint: known.hint, status: known.status };
}

function unreadable(): AppError {
  return new AppError("INPUT_INVALID", { what: "The body is not valid JSON." });
}
