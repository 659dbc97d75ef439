import type { ErrorSpec } from "../errors.ts";

export const authErrors = {
  UNAUTHENTICATED: {
    status: 401,
    message: () => "A valid token is needed.",
    hint: () => "Log in with: paas login URL. For git over http the token is the password.",
  },
  FORBIDDEN: {
    status: 403,
    message: (f) => `${f.actor} may not do this (${f.verb} on ${f.resource}).`,
    hint: () => 'An admin can give another role with "paas users:role"; "paas whoami" shows yours.',
  },
  KEY_INVALID: {
    status: 422,
    message: (f) => `That is not a public key that can be used: ${f.reason}.`,
    hint: () => "Give the file that ends in .pub; make one with: ssh-keygen -t ed25519",
  },
  KEY_EXISTS: {
    status: 409,
    message: (f) => `The key ${f.fingerprint} is there already; it belongs to ${f.user}.`,
    hint: () => 'See all keys with "paas keys".',
  },
  KEY_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no key ${f.key}.`,
    hint: () => 'See all keys with "paas keys".',
  },
  KEY_AMBIGUOUS: {
    status: 409,
    message: (f) => `Several keys match ${f.key}.`,
    hint: () => 'Give the whole fingerprint; "paas keys" shows it.',
  },
  TOKEN_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no token ${f.token}.`,
    hint: () => 'See all tokens with "paas tokens".',
  },
  TOKEN_EXPIRY_INVALID: {
    status: 422,
    message: () => "A token cannot expire in the past.",
    hint: () => "Give a time to come, or none for a token that does not expire.",
  },
  USER_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no user "${f.user}".`,
    hint: (f) => `Add it with: paas users:add ${f.user} --role developer`,
  },
  USER_EXISTS: {
    status: 409,
    message: (f) => `There is already a user "${f.user}".`,
    hint: () => 'See all users with "paas users".',
  },
  USER_NAME_INVALID: {
    status: 422,
    message: (f) => `"${f.user}" is not a valid user name.`,
    hint: () =>
      "Use lower-case letters, digits, dots, dashes and underscores, a letter first, at most 32: ann, build-bot.",
  },
  ROLE_INVALID: {
    status: 422,
    message: (f) => `"${f.role}" is not a role.`,
    hint: () => "The roles are: admin, developer, viewer.",
  },
} as const satisfies Record<string, ErrorSpec>;
