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
  ARCHIVE_UNKNOWN: {
    status: 422,
    message: (f) => `This is no archive that can be unpacked. ${f.what}`,
    hint: () => "Give a .tar, .tar.gz, .tgz or .zip file.",
  },
  ARCHIVE_BROKEN: {
    status: 422,
    message: (f) => `The archive cannot be read to its end: ${f.cause}`,
    hint: () => "Make it again, and send all of it.",
  },
  ARCHIVE_UNSAFE: {
    status: 422,
    message: (f) => `The archive has an entry that is refused, "${f.entry}": ${f.problem}.`,
    hint: () => "Files, folders and links within the archive are taken; make it again without that entry.",
  },
  ARCHIVE_TOO_LARGE: {
    status: 413,
    message: (f) => `The archive is too large: ${f.what}.`,
    hint: () => "Leave out what the app does not need to be built, or push it with git.",
  },
  IMAGE_NOT_FOUND: {
    status: 422,
    message: (f) => `There is no image ${f.ref} on this machine, and it could not be pulled: ${f.cause}.`,
    hint: () => "Check the name; on a machine without a registry bring it there with: docker load",
  },
  IMAGE_NAMELESS: {
    status: 422,
    message: (f) => `The image ${f.ref} has no name on this machine.`,
    hint: () => "Give it one, so that it stays when the app goes: docker tag ID NAME:TAG",
  },
  IMAGE_REFERENCE_INVALID: {
    status: 422,
    message: (f) => `"${f.ref}" is not the name of an image.`,
    hint: () => "Write it like nginx:1.27 or registry.example.test/team/shop@sha256:…",
  },
  SOURCE_URL_INVALID: {
    status: 422,
    message: (f) => `"${f.url}" is not an address that can be fetched.`,
    hint: () => "Archives come by http or https, repositories by https, http, ssh or git.",
  },
  SOURCE_HOST_PRIVATE: {
    status: 403,
    message: (f) => `${f.host} is within this machine or its own network, and is not fetched from.`,
    hint: (f) => `The operator allows it with: paas up --source-hosts ${f.host}`,
  },
  SOURCE_UNREACHABLE: {
    status: 422,
    message: (f) => `${f.host} could not be fetched from: ${f.cause}.`,
    hint: () => "Check the address and that this machine reaches it.",
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
  BUILD_CACHE_IN_USE: {
    status: 409,
    message: (f) => `A build of "${f.name}" is using its build cache.`,
    hint: (f) => `Wait for it, or end it with: paas builds:cancel -a ${f.name}`,
  },
  BUILD_OUTPUT_GONE: {
    status: 404,
    message: (f) => `The output of build ${f.number} of "${f.name}" is not kept any more.`,
    hint: (f) => `That of the newest ${f.kept} is; list them with: paas builds -a ${f.name}`,
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
