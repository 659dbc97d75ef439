import type { ErrorSpec } from "../errors.ts";

export const buildErrors = {} as const satisfies Record<string, ErrorSpec>;
