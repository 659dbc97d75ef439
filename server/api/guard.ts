import type { MiddlewareHandler } from "hono";
import type { ApiEnv } from "./peer.ts";
import type { ApiVerb, Authorize } from "./ports.ts";

/** Lets a request pass whose actor may do `verb` to what the path names. The only place where the API asks. */
export type Guard = (verb: ApiVerb) => MiddlewareHandler<ApiEnv>;

export function createGuard(authorize: Authorize): Guard {
  return (verb) => async (c, next) => {
    const { app, service, user } = c.req.param() as Readonly<Record<string, string>>;
    authorize(c.get("actor"), verb, { app, service, user });
    await next();
  };
}
