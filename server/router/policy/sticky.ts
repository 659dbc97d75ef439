import { createHash } from "node:crypto";
import type { AnswerHook, RequestHead } from "../middleware.ts";
import type { TableRoute, Target } from "../protocol.ts";
import { cookieOf, setCookieOf } from "./request-parts.ts";
import type { RoutePolicy } from "./route-policy.ts";

/** As Cloud Foundry's router calls it beside an app's own session cookie. */
const boundCookie = "__VCAP_ID__";
const ownCookie = "paas_instance";

export interface Stickiness {
  /** The instance that this client has had, if it is among these. */
  find(head: RequestHead, targets: readonly Target[]): Target | undefined;
  /** Tells the client which instance it has now. */
  remember(head: RequestHead, route: TableRoute, target: Target): AnswerHook;
}

export function stickiness(settings: NonNullable<RoutePolicy["sticky"]>): Stickiness {
  const session = settings.cookie;
  const name = session === undefined ? ownCookie : boundCookie;
  return {
    find(head, targets) {
      const cookies = head.header("cookie");
      const wanted = cookieOf(cookies, name);
      // Alone it means nothing: the session that it belonged to is over.
      if (wanted === undefined || (session !== undefined && cookieOf(cookies, session) === undefined)) return undefined;
      return targets.find((target) => markOf(target) === wanted);
    },
    remember(head, route, target) {
      const mark = markOf(target);
      return (answer) => {
        const set = answer.header("set-cookie");
        if (setCookieOf(set, name) !== undefined) return undefined;
        if (session === undefined) {
          const isKnown = cookieOf(head.header("cookie"), name) === mark;
          return isKnown ? undefined : { add: [["Set-Cookie", ownLine(mark, route, head)]] };
        }
        const cookies = head.header("cookie");
        const begun = setCookieOf(set, session);
        if (begun !== undefined) return { add: [["Set-Cookie", boundLine(mark, route, begun.attributes)]] };
        // Another instance has taken the session over.
        const moved = cookieOf(cookies, session) !== undefined && ![undefined, mark].includes(cookieOf(cookies, name));
        return moved ? { add: [["Set-Cookie", boundLine(mark, route, new Map())]] } : undefined;
      };
    },
  };
}

/** Tells nothing about the instance, and is the same in all workers. */
export function markOf(target: Target): string {
  return createHash("sha256").update(target.id).digest("hex").slice(0, 20);
}

function ownLine(mark: string, route: TableRoute, head: RequestHead): string {
  const secure = head.protocol === "https" ? "; Secure" : "";
  return `${ownCookie}=${mark}; Path=${route.path}; HttpOnly; SameSite=Lax${secure}`;
}

/** Lives as long as the app's own cookie, and goes where that goes. */
function boundLine(mark: string, route: TableRoute, attributes: ReadonlyMap<string, string>): string {
  const parts = [`${boundCookie}=${mark}`, `Path=${route.path}`, "HttpOnly"];
  const maxAge = attributes.get("max-age");
  if (maxAge !== undefined && Number(maxAge) < 0) parts.push(`Max-Age=${maxAge}`);
  for (const [name, label] of [
    ["expires", "Expires"],
    ["samesite", "SameSite"],
  ] as const) {
    const value = attributes.get(name);
    if (value !== undefined && value !== "") parts.push(`${label}=${value}`);
  }
  if (attributes.has("secure")) parts.push("Secure");
  if (attributes.has("partitioned")) parts.push("Partitioned");
  return parts.join("; ");
}
