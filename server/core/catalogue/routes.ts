import type { ErrorSpec } from "../errors.ts";

export const routeErrors = {
  ROUTER_UNAVAILABLE: {
    status: 503,
    message: (f) => `The router did not do what it was asked: ${f.cause}.`,
    hint: () => 'Requests go on as before. See "paas doctor" and router/router.log in the home, then try again.',
  },
  ROUTER_PORT_TAKEN: {
    status: 503,
    message: (f) => `The router cannot listen on ${f.listen}:${f.port}: another process holds port ${f.port}.`,
    hint: (f) => `Find it with "ss -ltnp sport = :${f.port}", or choose another port with ${f.flag}.`,
  },
  ROUTER_PORT_DENIED: {
    status: 503,
    message: (f) => `The router may not listen on ${f.listen}:${f.port}: ports below 1024 need root.`,
    hint: (f) => `Choose a port from 1024 with ${f.flag}, or start paas as root.`,
  },
  ROUTER_NOT_STARTED: {
    status: 503,
    message: (f) => `The router did not start: ${f.cause}.`,
    hint: (f) => `Its last words are in ${f.log}; "paas doctor" looks for the usual causes.`,
  },
} as const satisfies Record<string, ErrorSpec>;
