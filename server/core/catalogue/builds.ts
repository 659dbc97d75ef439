import type { ErrorSpec } from "../errors.ts";

export const buildErrors = {
  PROCFILE_LINE: {
    status: 422,
    message: (f) => `Procfile line ${f.line} cannot be read: ${f.text}`,
    hint: (f) => `${f.hint}`,
  },
  PROCFILE_TYPE_TWICE: {
    status: 422,
    message: (f) => `Procfile names the process type "${f.type}" twice: on line ${f.first} and on line ${f.line}.`,
    hint: () => "Remove one of the two lines, or give one another name.",
  },
  PROCFILE_EMPTY: {
    status: 422,
    message: () => "Procfile has no process type in it.",
    hint: () =>
      "Write one line per process type, like: web: npm start. Or remove the file to use the buildpack's default.",
  },
  NODE_VERSIONS_UNKNOWN: {
    status: 503,
    message: (f) => `The list of Node versions could not be read from ${f.registry}: ${f.cause}.`,
    hint: () => "Check that this machine reaches the npm registry (npm config get registry), then push again.",
  },
  DOCKERFILE_INVALID: {
    status: 422,
    message: (f) => `The Dockerfile cannot be read: ${f.cause}`,
    hint: () => "Correct the Dockerfile, commit and push again.",
  },
} as const satisfies Record<string, ErrorSpec>;
