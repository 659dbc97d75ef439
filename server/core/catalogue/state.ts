import type { ErrorSpec } from "../errors.ts";

export const stateErrors = {
  STATE_TOO_NEW: {
    status: 500,
    message: (f) => `${f.file} was written by a newer version of paas.`,
    hint: () => "Start that version again, or point PAAS_HOME at another folder; nothing was changed.",
  },
  STATE_DAMAGED: {
    status: 500,
    message: (f) => `${f.file} could not be brought to this version's schema.`,
    hint: (f) => `The file as it was: ${f.backup}. Put it back and start the version that wrote it.`,
  },
  DISK_FULL: {
    status: 503,
    message: () => "The disk that the platform keeps its state on is full; nothing was changed.",
    hint: () => 'Free some space ("paas doctor" shows the disks), then try again. Running apps are not affected.',
  },
  HOME_READ_ONLY: {
    status: 503,
    message: () => "The folder that the platform keeps its state in cannot be written to.",
    hint: () =>
      'Make it writable for the daemon; "paas version" and "paas doctor" name it. Running apps are not affected.',
  },
  DAEMON_RUNNING: {
    status: 409,
    message: (f) => `A daemon already runs in ${f.home} (process ${f.pid}).`,
    hint: () => 'Use it as it is, stop it with "paas down", or choose another home with --home.',
  },
  DAEMON_DID_NOT_START: {
    status: 500,
    message: (f) => `The daemon ${f.how}`,
    hint: (f) => `All that it said is in ${f.home}/paasd.out; put the cause right and start it again.`,
  },
  DAEMON_DID_NOT_STOP: {
    status: 500,
    message: (f) => `The daemon (process ${f.pid}) has not ended within a minute.`,
    hint: (f) => `Look at its log, then end it with: kill -9 ${f.pid}. Nothing is lost by that.`,
  },
  PORT_TAKEN: {
    status: 409,
    message: (f) => `The daemon could not be reached and was ended again: ${f.problems}.`,
    hint: () => "End it, or choose another port: --http-port, --https-port, --ssh-port, --api-port.",
  },
  PORT_DENIED: {
    status: 403,
    message: (f) => `This user may not listen on port ${f.port}.`,
    hint: () => "Run it as root, or choose a port above 1023: --http-port 8080 --ssh-port 2222",
  },
  SETTINGS_INVALID: {
    status: 422,
    message: (f) => `The settings cannot be used: ${f.problems}.`,
    hint: () => 'Correct them; "paas up --help" lists them all.',
  },
} as const satisfies Record<string, ErrorSpec>;
