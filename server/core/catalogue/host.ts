import type { ErrorSpec } from "../errors.ts";

export const hostErrors = {
  STACK_FAILED: {
    status: 500,
    message: (f) => `The stack could not be made (${f.phase}): ${f.cause}.`,
    hint: () => "Correct what the lines above name and run: paas doctor --fix",
  },
  PACKAGES_NEEDED: {
    status: 500,
    message: (f) => `These programs are missing and cannot be installed by this user: ${f.packages}.`,
    hint: (f) => `On Debian or Ubuntu run as root: apt-get install ${f.packages}`,
  },
  PACKAGES_FAILED: {
    status: 500,
    message: (f) => `apt-get could not install ${f.packages} (exit code ${f.code}).`,
    hint: () => "Correct what apt says above, then run: paas doctor --fix",
  },
  ENGINE_MISSING: {
    status: 503,
    message: (f) => `${f.problem}`,
    hint: (f) => `${f.hint}`,
  },
  ENGINE_START_FAILED: {
    status: 503,
    message: (f) => `The container engine was started but does not answer: ${f.cause}.`,
    hint: (f) => `Its log is in ${f.log}; when it runs, go on with: paas doctor --fix`,
  },
  HOST_BUSY: {
    status: 409,
    message: (f) => `Process ${f.pid} has been preparing this machine for too long.`,
    hint: (f) => `Wait for it, or end it with: kill ${f.pid}`,
  },
} as const satisfies Record<string, ErrorSpec>;
