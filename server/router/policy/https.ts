import type { AnswerHook, Middleware } from "../middleware.ts";
import type { RoutePolicy } from "./route-policy.ts";

/** Sends plain requests to HTTPS, and tells browsers to come by HTTPS only (RFC 6797). */
export function httpsOnly({
  redirect = false,
  hstsSeconds,
  port = 443,
}: NonNullable<RoutePolicy["https"]>): Middleware {
  const authorityEnd = port === 443 ? "" : `:${port}`;
  const onAnswer: AnswerHook | undefined =
    hstsSeconds === undefined
      ? undefined
      : (answer) =>
          // An app that says it itself knows better.
          answer.header("strict-transport-security") === undefined
            ? { set: [["Strict-Transport-Security", `max-age=${hstsSeconds}`]] }
            : undefined;
  return {
    name: "https",
    request(head) {
      // Over plain HTTP the field must not be said (RFC 6797 §7.2).
      if (head.protocol === "https") return onAnswer === undefined ? { kind: "pass" } : { kind: "pass", onAnswer };
      if (!redirect) return { kind: "pass" };
      // Only 308 keeps the method and the body of what is no GET.
      const status = head.method === "GET" || head.method === "HEAD" ? 301 : 308;
      const fields = [
        ["Location", `https://${head.host}${authorityEnd}${head.target === "*" ? "/" : head.target}`],
        ["Content-Length", "0"],
      ] as const;
      return { kind: "answer", answer: { status, fields, body: "" } };
    },
  };
}
