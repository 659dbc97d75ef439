import { appErrors } from "./catalogue/apps.ts";
import { authErrors } from "./catalogue/auth.ts";
import { buildErrors } from "./catalogue/builds.ts";
import { certErrors } from "./catalogue/certs.ts";
import { gitErrors } from "./catalogue/git.ts";
import { hostErrors } from "./catalogue/host.ts";
import { routeErrors } from "./catalogue/routes.ts";
import { routingErrors } from "./catalogue/routing.ts";
import { serviceErrors } from "./catalogue/services.ts";
import { stateErrors } from "./catalogue/state.ts";
import { taskErrors } from "./catalogue/tasks.ts";

export type ErrorFields = Readonly<Record<string, string | number | undefined>>;

/** `status` is the HTTP status; `message` is one line, `hint` one line of what to do next. */
export interface ErrorSpec {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 422 | 500 | 503 | 504;
  readonly message: (fields: ErrorFields) => string;
  readonly hint: (fields: ErrorFields) => string;
}

const catalogue = {
  ...appErrors,
  ...authErrors,
  ...buildErrors,
  ...certErrors,
  ...gitErrors,
  ...hostErrors,
  ...routeErrors,
  ...routingErrors,
  ...serviceErrors,
  ...stateErrors,
  ...taskErrors,
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof catalogue;

/** The only exception that crosses a module boundary on purpose: a code of the catalogue with its fields. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly fields: ErrorFields;

  constructor(code: ErrorCode, fields: ErrorFields = {}, options?: { cause?: unknown }) {
    super(catalogue[code].message(fields), options);
    this.name = "AppError";
    this.code = code;
    this.fields = fields;
  }

  get status(): ErrorSpec["status"] {
    return catalogue[this.code].status;
  }

  get hint(): string {
    return catalogue[this.code].hint(this.fields);
  }
}

export function isAppError(err: unknown, ...codes: ErrorCode[]): err is AppError {
  return err instanceof AppError && (codes.length === 0 || codes.includes(err.code));
}

/** The message of anything thrown, for logs and causes. */
export function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
