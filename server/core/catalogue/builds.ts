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
  APP_JSON_INVALID: {
    status: 422,
    message: (f) => `${f.file} line ${f.line}${f.key === undefined ? "" : `, ${f.key}`}: ${f.problem}`,
    hint: (f) => `${f.hint}`,
  },
  APP_JSON_VARIABLE_MISSING: {
    status: 422,
    message: (f) => `app.json requires config vars that are not set: ${f.names}.`,
    hint: (f) => `Set them, then push again: paas config:set ${f.assignments} -a ${f.app}`,
  },
  PROJECT_TOML_INVALID: {
    status: 422,
    message: (f) => `project.toml, ${f.at}: ${f.problem}`,
    hint: () => "Correct it, commit and push again.",
  },
  SOURCE_ROOT_INVALID: {
    status: 422,
    message: (f) => `"${f.root}" is not a folder of a repository.`,
    hint: () => "Write it from the top of the repository, like apps/web, or . for all of it.",
  },
  SOURCE_ROOT_MISSING: {
    status: 422,
    message: (f) => `There is no folder "${f.root}" in the repository (${f.from}).`,
    hint: (f) => `Folders there: ${f.folders}. Choose with: paas builds:set --path FOLDER`,
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
  BUILDPACK_INVALID: {
    status: 422,
    message: (f) => `${f.reason}`,
    hint: (f) => `${f.hint}`,
  },
  BUILDPACK_TWICE: {
    status: 409,
    message: (f) => `The buildpack ${f.text} is in the list already.`,
    hint: () => "See the list with: paas buildpacks",
  },
  BUILDPACK_NOT_LISTED: {
    status: 404,
    message: (f) => `There is no ${f.what} in the list.`,
    hint: () => "See the list with: paas buildpacks",
  },
  BUILDPACK_NOT_PINNED: {
    status: 404,
    message: (f) => `Nothing is pinned of ${f.what}: the next build takes what it is then.`,
    hint: () => "See what is pinned with: paas buildpacks",
  },
  BUILDPACKS_TOO_MANY: {
    status: 422,
    message: (f) => `An app has at most ${f.limit} buildpacks.`,
    hint: () => "Take one out first: paas buildpacks:remove --index 1",
  },
  ARCHIVE_FAILED: {
    status: 422,
    message: (f) => `The archive ${f.url} could not be downloaded: ${f.cause}.`,
    hint: () => "Check the address, and that this machine may read it.",
  },
  ARCHIVE_CHANGED: {
    status: 422,
    message: (f) => `The archive ${f.url} is another one than it was when the app was built with it first.`,
    hint: () => "To take it as it is now: paas buildpacks:update, then push again.",
  },
} as const satisfies Record<string, ErrorSpec>;
