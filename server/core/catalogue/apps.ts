import type { ErrorSpec } from "../errors.ts";

export const appErrors = {
  APP_NAME_INVALID: {
    status: 422,
    message: (f) => `"${f.name}" is not a valid app name.`,
    hint: () => "Use lower-case letters, digits and dashes, a letter first, at most 30 characters: shop, shop-2.",
  },
  APP_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no app "${f.name}".`,
    hint: (f) => `See what there is with "paas apps", or create it with "paas apps:create ${f.name}".`,
  },
  APP_EXISTS: {
    status: 409,
    message: (f) => `There is already an app "${f.name}".`,
    hint: () => 'Choose another name; "paas apps" lists those in use.',
  },
  APP_NOT_DEPLOYED: {
    status: 409,
    message: (f) => `App "${f.name}" has no release yet.`,
    hint: () => "Deploy it first: git push paas main",
  },
  APP_CONFIRM_MISMATCH: {
    status: 422,
    message: (f) => `Destroying "${f.name}" needs its name as confirmation.`,
    hint: (f) => `Nothing was changed. Run: paas apps:destroy ${f.name} --confirm ${f.name}`,
  },
  PROCESS_TYPE_INVALID: {
    status: 422,
    message: (f) => `"${f.type}" is not a valid process type.`,
    hint: () => "Use letters, digits, dashes and underscores, at most 63: web, worker, mail_queue.",
  },
  PROCESS_TYPE_UNKNOWN: {
    status: 404,
    message: (f) => `App "${f.name}" has no process type "${f.type}".`,
    hint: (f) => `It has: ${f.types}. Add a line to the Procfile and push to have another.`,
  },
  SCALE_INVALID: {
    status: 422,
    message: (f) => `"${f.value}" is not a valid scale.`,
    hint: () => "Write TYPE=COUNT with a count from 0 to 100: paas ps:scale web=2 worker=1",
  },
  CONFIG_KEY_INVALID: {
    status: 422,
    message: (f) => `"${f.key}" is not a valid config var name.`,
    hint: () => "Use letters, digits and underscores, not a digit first: GREETING, DATABASE_URL.",
  },
  CONFIG_KEY_RESERVED: {
    status: 422,
    message: (f) => `The platform sets "${f.key}" itself.`,
    hint: () => "Choose another name; apps read PORT to know where to listen.",
  },
  CONFIG_TOO_LARGE: {
    status: 422,
    message: (f) => `The config vars would take ${f.size} bytes; ${f.limit} is the limit.`,
    hint: () => "Keep large values in a file of the app or in a service.",
  },
  CONFIG_KEY_NOT_FOUND: {
    status: 404,
    message: (f) => `App "${f.name}" has no config var "${f.key}".`,
    hint: (f) => `List them with: paas config -a ${f.name}`,
  },
  RELEASE_NOT_FOUND: {
    status: 404,
    message: (f) => `App "${f.name}" has no release ${f.version}.`,
    hint: (f) => `List them with: paas releases -a ${f.name}`,
  },
  BUILD_NOT_FOUND: {
    status: 404,
    message: (f) => `App "${f.name}" has no build ${f.number}.`,
    hint: (f) => `List them with: paas builds -a ${f.name}`,
  },
  ROLLBACK_NO_TARGET: {
    status: 409,
    message: (f) => `App "${f.name}" has no earlier release to roll back to.`,
    hint: (f) => `List them with: paas releases -a ${f.name}`,
  },
  DROPLET_GONE: {
    status: 409,
    message: (f) => `The droplet of ${f.version} is no longer on this machine.`,
    hint: () => "Push that commit again to build it anew.",
  },
  DEPLOY_FAILED: {
    status: 422,
    message: (f) => `${f.reason}`,
    hint: (f) => `${f.hint}`,
  },
  DEPLOY_CANCELLED: {
    status: 409,
    message: (f) => `It was cancelled by ${f.actor}.`,
    hint: () => "Nothing was changed; start it again when you are ready.",
  },
  DEPLOY_IN_PROGRESS: {
    status: 409,
    message: (f) => `A deploy of "${f.name}" is in progress.`,
    hint: (f) => `Wait for it, or end it with: paas builds:cancel -a ${f.name}`,
  },
  INSTANCE_NOT_FOUND: {
    status: 404,
    message: (f) => `App "${f.name}" has no running instance ${f.instance}.`,
    hint: (f) => `List them with: paas ps -a ${f.name}`,
  },
  ENGINE_UNAVAILABLE: {
    status: 503,
    message: (f) => `The container engine does not answer: ${f.cause}.`,
    hint: () => "Running apps keep serving if it comes back soon; check it with: paas doctor",
  },
  RUNTIME_FAILED: {
    status: 500,
    message: (f) => `The container engine could not ${f.action}: ${f.cause}.`,
    hint: () => 'Try again; "paas doctor" checks the engine.',
  },
  INPUT_INVALID: {
    status: 422,
    message: (f) => `${f.what}`,
    hint: (f) => `${f.hint ?? "Correct it and try again; nothing was changed."}`,
  },
  INTERNAL: {
    status: 500,
    message: (f) => `Something went wrong inside the platform (reference ${f.reference}).`,
    hint: (f) => `The operator finds the cause with: grep ${f.reference} <home>/paasd.log`,
  },
} as const satisfies Record<string, ErrorSpec>;
