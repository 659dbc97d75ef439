/** Heroku's router codes, and our own words where it has none. The code goes into `X-Paas-Error` and the request log. */
export interface Failure {
  readonly status: number;
  readonly desc: string;
  readonly level: "error" | "warning" | "info";
  /** Which side ended it, for the request log. */
  readonly sock?: "client" | "backend";
}

export const failures = {
  H10: { status: 503, desc: "App crashed", level: "error" },
  H11: { status: 503, desc: "Backlog too deep", level: "error" },
  H12: { status: 503, desc: "Request timeout", level: "error" },
  H13: { status: 503, desc: "Connection closed without response", level: "error" },
  H14: { status: 503, desc: "No web processes running", level: "error" },
  H15: { status: 503, desc: "Idle connection", level: "error" },
  H17: { status: 503, desc: "Poorly formatted HTTP response", level: "error" },
  H18: { status: 503, desc: "Server Request Interrupted", level: "error", sock: "backend" },
  H19: { status: 503, desc: "Backend connection timeout", level: "error" },
  H20: { status: 503, desc: "App boot timeout", level: "error" },
  H21: { status: 503, desc: "Backend connection refused", level: "error" },
  H22: { status: 503, desc: "Connection limit reached", level: "error" },
  H25: { status: 502, desc: "HTTP restriction", level: "error" },
  H26: { status: 400, desc: "Request Error", level: "error" },
  H27: { status: 499, desc: "Client Request Interrupted", level: "warning", sock: "client" },
  H28: { status: 499, desc: "Client Connection Idle", level: "warning", sock: "client" },
  H80: { status: 503, desc: "Maintenance mode", level: "info" },
  H81: { status: 503, desc: "Blank app", level: "info" },
  H99: { status: 503, desc: "Platform error", level: "error" },
  unknown_route: { status: 404, desc: "No app answers at this address", level: "error" },
  unknown_instance: { status: 400, desc: "No such instance", level: "error" },
  bad_instance: { status: 400, desc: "Invalid instance header", level: "error" },
  ip_denied: { status: 403, desc: "Address not allowed", level: "info" },
  unauthorized: { status: 401, desc: "Not signed in", level: "info" },
  forbidden: { status: 403, desc: "Not allowed", level: "info" },
  rate_limited: { status: 429, desc: "Too many requests", level: "info" },
  body_too_large: { status: 413, desc: "Request body too large", level: "info" },
  not_cached: { status: 504, desc: "Not in the cache", level: "info" },
  auth_unavailable: { status: 503, desc: "Sign-in does not answer", level: "error" },
  route_service_failed: { status: 502, desc: "Route service does not answer", level: "error" },
  bad_signature: { status: 502, desc: "Invalid route service signature", level: "error" },
  expired_signature: { status: 504, desc: "Expired route service signature", level: "error" },
  no_upgrade: { status: 503, desc: "Upgrade through a route service", level: "error" },
  no_app: { status: 503, desc: "No app mapped to this route", level: "error" },
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof failures;

export function failureOf(code: FailureCode): Failure {
  return failures[code];
}

export interface FailureAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** The router's own answer: JSON when the client accepts that and no HTML, else a small page. */
export function renderFailure(
  code: FailureCode,
  requestId: string,
  accept: string,
  status: number = failures[code].status,
): FailureAnswer {
  const { desc } = failures[code];
  const isJson = /\bapplication\/(?:[\w.+-]*\+)?json\b/i.test(accept) && !/\btext\/html\b/i.test(accept);
  const body = Buffer.from(
    isJson
      ? `${JSON.stringify({ error: { code, status, message: desc, requestId } })}\n`
      : page(status, desc, code, requestId),
  );
  const type = isJson ? "application/json" : "text/html; charset=utf-8";
  const headers = ["Content-Type", type, "Content-Length", String(body.length), "Cache-Control", "no-store"];
  headers.push("X-Content-Type-Options", "nosniff", "X-Paas-Error", code, "X-Request-Id", requestId);
  return { status, headers, body };
}

// Only constants and a checked request id stand here: nothing that a client sent is echoed.
function page(status: number, desc: string, code: string, requestId: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${status} ${desc}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32em;padding:0 1em}small{color:#666}</style></head>
<body><h1>${desc}</h1><p><small>${status} · ${code} · request ${requestId}</small></p></body></html>
`;
}
