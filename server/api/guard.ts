import type { MiddlewareHandler } from "hono";
import type { ApiEnv } from "./peer.ts";
import type { ApiVerb, Authenticator, Authorize } from "./ports.ts";

/**
 * Lets a request pass whose actor may do `verb` to what the path names. The only place where the API asks. With an
 * action, the audit trail has it from then on, however it ends.
 */
export type Guard = (verb: ApiVerb, action?: string) => MiddlewareHandler<ApiEnv>;

export function createGuard(authorize: Authorize, record: Authenticator["record"]): Guard {
  return (verb, action) => async (c, next) => {
    const { app, service, user } = c.req.param() as Readonly<Record<string, string>>;
    authorize(c.get("actor"), verb, { app, service, user });
    if (action !== undefined) record(c.get("actor"), action, { app, service, user });
    await next();
  };
}
