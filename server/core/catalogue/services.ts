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
  SERVICE_EXISTS: {
    status: 409,
    message: (f) => `There is already a service "${f.name}" (${f.what}).`,
    hint: () => 'Choose another name; "paas services" lists those in use.',
  },
  OFFERING_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no offering "${f.offering}".`,
    hint: (f) => `There are: ${f.offerings}. See their plans with: paas marketplace`,
  },
  PLAN_NOT_FOUND: {
    status: 404,
    message: (f) => `Offering "${f.offering}" has no plan "${f.plan}".`,
    hint: (f) => `It has: ${f.plans}. For example: paas create-service ${f.offering} ${f.first} ${f.name}`,
  },
  SERVICE_CREDENTIALS_INVALID: {
    status: 422,
    message: (f) => `The credentials of "${f.name}" cannot be used: ${f.reason}.`,
    hint: (f) => `Give one JSON object: paas create-user-provided-service ${f.name} -p '{"uri":"smtp://host:587"}'`,
  },
  SERVICE_NOT_READY: {
    status: 409,
    message: (f) => `Service "${f.name}" is not ready: ${f.state}.`,
    hint: (f) => `${f.hint}`,
  },
  SERVICE_CREATE_FAILED: {
    status: 500,
    message: (f) => `Service "${f.name}" could not be created: ${f.reason}.`,
    hint: (f) => `Nothing was left behind. Try again with: paas create-service ${f.offering} ${f.plan} ${f.name}`,
  },
  SERVICE_IMAGE_FAILED: {
    status: 500,
    message: (f) => `The ${f.image} image could not be made: ${f.reason}.`,
    hint: () => "The lines above say why; Debian's package mirror must be within reach. Check with: paas doctor",
  },
  SERVICE_UNREACHABLE: {
    status: 503,
    message: (f) => `Service "${f.name}" did not do as asked: ${f.reason}.`,
    hint: () => 'Nothing was changed. "paas services" shows its state, "paas doctor" checks the engine.',
  },
  SERVICE_NOT_BOUND: {
    status: 404,
    message: (f) => `App "${f.app}" is not bound to service "${f.name}".`,
    hint: () => "See who is bound to what with: paas services",
  },
  SERVICE_BOUND: {
    status: 409,
    message: (f) => `Service "${f.name}" is bound to ${f.apps}.`,
    hint: (f) => `Nothing was changed. Unbind it first: ${f.commands}`,
  },
  SERVICE_CONFIRM_MISMATCH: {
    status: 422,
    message: (f) => `Deleting "${f.name}" deletes its data for good and needs its name as confirmation.`,
    hint: (f) => `Nothing was changed. Run: paas delete-service ${f.name} --confirm ${f.name}`,
  },
} as const satisfies Record<string, ErrorSpec>;
