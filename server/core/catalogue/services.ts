import type { ErrorSpec } from "../errors.ts";

export const serviceErrors = {
  SERVICE_NAME_INVALID: {
    status: 422,
    message: (f) => `"${f.name}" is not a valid service name.`,
    hint: () => "Use lower-case letters, digits and dashes, a letter first, at most 40 characters: db, mail-eu.",
  },
  SERVICE_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no service "${f.name}".`,
    hint: () => 'See what there is with "paas services".',
  },
} as const satisfies Record<string, ErrorSpec>;
