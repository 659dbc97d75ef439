import type { ErrorSpec } from "../errors.ts";

export const hostErrors = {} as const satisfies Record<string, ErrorSpec>;
