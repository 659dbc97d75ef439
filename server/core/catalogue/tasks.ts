import type { ErrorSpec } from "../errors.ts";

export const taskErrors = {
  TASK_COMMAND_MISSING: {
    status: 422,
    message: () => "There is no command to run.",
    hint: (f) => `Name one: paas run bash -a ${f.name}`,
  },
  TASK_NOT_STARTED: {
    status: 422,
    message: (f) => `${f.task} could not be started: ${f.cause}.`,
    hint: () => "Does the app's image contain the shell that runs commands? See the release with: paas releases",
  },
  TASK_TIMED_OUT: {
    status: 504,
    message: (f) => `${f.task} was ended: it ran longer than ${f.limit}.`,
    hint: () => "Make it finish sooner, or run the long part apart: paas run:detached COMMAND",
  },
  TASK_LOST: {
    status: 500,
    message: (f) => `${f.task} disappeared before it ended.`,
    hint: () => 'Run it again; "paas doctor" checks the engine.',
  },
} as const satisfies Record<string, ErrorSpec>;
