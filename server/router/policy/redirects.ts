import type { Middleware } from "../middleware.ts";
import { isBelow, splitTarget } from "./request-parts.ts";
import type { Redirect } from "./route-policy.ts";

/** Answers the first redirect that fits. The query goes along unless the new place has one. */
export function redirects(rules: readonly Redirect[]): Middleware {
  return {
    name: "redirects",
    request(head) {
      const { path, query } = splitTarget(head.target);
      for (const { from, to, status } of rules) {
        const rest = restOf(path, from);
        if (rest === undefined) continue;
        const place = to.endsWith("*") ? to.slice(0, -1) + rest : to;
        const location = safe(place.includes("?") ? place : place + query);
        const fields = [
          ["Location", location],
          ["Content-Length", "0"],
          ["Cache-Control", "no-cache"],
        ] as const;
        return { kind: "answer", answer: { status, fields, body: "" } };
      }
      return { kind: "pass" };
    },
  };
}

/** What stands for the `*` of `from`; undefined when the path does not fit. */
function restOf(path: string, from: string): string | undefined {
  if (from === "*" || from === "/*") return path.slice(1);
  if (!from.endsWith("/*")) return path === from ? "" : undefined;
  const prefix = from.slice(0, -2);
  return isBelow(path, prefix) ? path.slice(prefix.length + 1) : undefined;
}

// `//evil.example` would be another site: a path of the client must not become a host.
function safe(location: string): string {
  return location.startsWith("//") ? `/${location.replace(/^\/+/, "")}` : location;
}
