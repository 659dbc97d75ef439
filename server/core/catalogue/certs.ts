import type { ErrorSpec } from "../errors.ts";

export const certErrors = {
  CERT_UNREADABLE: {
    status: 422,
    message: (f) => `There is no readable ${f.what} in what was given.`,
    hint: () => "Give PEM files: the certificate with its chain as --cert, the key, without a passphrase, as --key.",
  },
  CERT_CHAIN_ORDER: {
    status: 422,
    message: (f) => `The chain is out of order: what follows "${f.subject}" did not issue it.`,
    hint: () => "Put the certificate first, then its issuer, then that one's issuer.",
  },
  CERT_KEY_MISMATCH: {
    status: 422,
    message: () => "The private key does not belong to the certificate.",
    hint: () => "Give the key that the certificate was requested with.",
  },
  CERT_EXPIRED: {
    status: 422,
    message: (f) => `The certificate expired at ${f.at}.`,
    hint: () => "Get a new one, or let the platform do it: paas certs:auto DOMAIN on",
  },
  CERT_NOT_YET: {
    status: 422,
    message: (f) => `The certificate is valid only from ${f.at}.`,
    hint: () => 'Wait until then, or look at the clock of the machine with "date".',
  },
  CERT_NAME_MISSING: {
    status: 422,
    message: (f) => `The certificate is not for ${f.name}, but for: ${f.names}.`,
    hint: () => "Name the domains that it is for. A wildcard stands for one label only.",
  },
  CERT_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no certificate for ${f.name}.`,
    hint: () => 'See what there is with "paas certs".',
  },
  CERT_AUTO_UNKNOWN: {
    status: 404,
    message: (f) => `"${f.name}" is neither an app nor the host of a route.`,
    hint: () => "Map a route first: paas map-route APP DOMAIN",
  },
  CERT_AUTO_IMPOSSIBLE: {
    status: 409,
    message: (f) => `No certificate can be asked for ${f.name}: ${f.why}.`,
    hint: () => "See the settings of paas up: --acme-directory, --acme-dns-hook. Or bring your own: paas certs:add",
  },
} as const satisfies Record<string, ErrorSpec>;
