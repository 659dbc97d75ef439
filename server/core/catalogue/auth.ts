import type { ErrorSpec } from "../errors.ts";

export const authErrors = {} as const satisfies Record<string, ErrorSpec>;
