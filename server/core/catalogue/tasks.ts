import type { ErrorSpec } from "../errors.ts";

export const taskErrors = {} as const satisfies Record<string, ErrorSpec>;
