import type { ErrorSpec } from "../errors.ts";

export const gitErrors = {} as const satisfies Record<string, ErrorSpec>;
