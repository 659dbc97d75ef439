import type { Field, HeadEdit, Middleware } from "../middleware.ts";
import type { HeaderChange } from "./route-policy.ts";

/** Changes what the app gets. */
export function requestHeaders(change: HeaderChange): Middleware {
  const edit = editOf(change);
  return { name: "request-headers", request: () => ({ kind: "pass", edit }) };
}

/** Changes what the client gets, from the app and from other middlewares. */
export function responseHeaders(change: HeaderChange): Middleware {
  const edit = editOf(change);
  return {
    name: "response-headers",
    request: () => ({ kind: "pass", onAnswer: () => edit }),
    onOwnAnswer: () => edit,
  };
}

function editOf(change: HeaderChange): HeadEdit {
  const set = Object.entries(change.set ?? {}).map(([name, value]): Field => [name, value]);
  return { set, remove: change.remove ?? [] };
}
