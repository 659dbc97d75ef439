import type { Middleware } from "../middleware.ts";
import { isBelow, splitTarget } from "./request-parts.ts";
import type { PathPair } from "./route-policy.ts";

/** Gives the app another path than the client asked for: first without `strip`, then by the first pair that fits. */
export function rewrite(strip: string, pairs: readonly PathPair[]): Middleware {
  return {
    name: "rewrite",
    request(head) {
      // `*` of OPTIONS is no path.
      if (!head.target.startsWith("/")) return { kind: "pass" };
      const { path, query } = splitTarget(head.target);
      let to = replaced(path, strip, "/");
      const pair = pairs.find(({ from }) => isBelow(to, from));
      if (pair !== undefined) to = replaced(to, pair.from, pair.to);
      if (to === path) return { kind: "pass" };
      const prefix = strip === "/" ? [] : [["X-Forwarded-Prefix", strip] as const];
      return { kind: "pass", edit: { target: to + query, set: prefix } };
    },
  };
}

function replaced(path: string, from: string, to: string): string {
  if (!isBelow(path, from)) return path;
  const rest = from === "/" ? path.slice(1) : path.slice(from.length + 1);
  const base = to.endsWith("/") ? to : `${to}/`;
  if (rest !== "") return base + rest;
  // `/old/` stays a folder, `/old` does not become one.
  return path.endsWith("/") || to === "/" ? base : to;
}
