import type { ErrorSpec } from "../errors.ts";

export const routingErrors = {
  ROUTE_INVALID: {
    status: 422,
    message: (f) => `"${f.host}" is not a valid host name.`,
    hint: () =>
      "Write it like www.example.test, or a wildcard like *.example.test, without http:// and without a port.",
  },
  ROUTE_PATH_INVALID: {
    status: 422,
    message: (f) => `"${f.path}" is not a valid path.`,
    hint: () => "Write a prefix of whole segments, without ? or #: --path /v2",
  },
  ROUTE_RESERVED: {
    status: 409,
    message: (f) => `${f.host} belongs to the platform itself.`,
    hint: () => "Choose another host name.",
  },
  ROUTE_TAKEN: {
    status: 409,
    message: (f) => `The route ${f.route} belongs to app "${f.app}".`,
    hint: (f) => `Choose another host or path, or free it first: paas unmap-route ${f.app} ${f.route}`,
  },
  ROUTE_EXISTS: {
    status: 409,
    message: (f) => `The route ${f.route} exists already.`,
    hint: () => 'See who holds it with "paas routes".',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no route ${f.route}.`,
    hint: () => 'See what there is with "paas routes".',
  },
  ROUTE_POLICY_INVALID: {
    status: 422,
    message: (f) => `${f.what}.`,
    hint: () => 'See what there is and how it is written with "paas routes:set --help".',
  },
  TCP_PORT_TAKEN: {
    status: 409,
    message: (f) => `Port ${f.port} ${f.holder}.`,
    hint: () => 'Choose another port; "paas routes" lists those that are routes.',
  },
  TCP_ROUTE_NOT_FOUND: {
    status: 404,
    message: (f) => `There is no route at port ${f.port}.`,
    hint: () => 'See what there is with "paas routes".',
  },
  ROUTE_NOT_SHARED: {
    status: 409,
    message: (f) => `The route ${f.route} belongs to app "${f.app}" and is not shared.`,
    hint: () => "Give both apps a weight: paas map-route APP ROUTE --weight 10",
  },
  ROUTE_NOT_MAPPED: {
    status: 409,
    message: (f) => `The route ${f.route} is not mapped to app "${f.app}".`,
    hint: () => 'See who holds it with "paas routes".',
  },
} as const satisfies Record<string, ErrorSpec>;
