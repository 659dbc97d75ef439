import type { ErrorSpec } from "../errors.ts";

export const routeErrors = {} as const satisfies Record<string, ErrorSpec>;
