import type { Field, Middleware, RequestHead, Verdict } from "../middleware.ts";
import type { Answers } from "./answers.ts";
import type { ForwardAuth } from "./route-policy.ts";
import { askSmall, type SmallAnswer } from "./small-client.ts";

const timeoutMs = 5_000;
const maxBytes = 256 * 1024;
const passedOn = ["cookie", "authorization", "accept", "accept-language", "user-agent", "origin", "referer"];
/** Of one connection, or made anew. */
const notRelayed = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "date",
  "via",
  "upgrade",
]);

type Ask = typeof askSmall;

/**
 * Asks a service about each request, as Traefik and nginx do: 2xx lets it pass with the named fields, anything else is
 * the answer (a redirect to a login page, most often).
 */
export function forwardAuth(settings: ForwardAuth, answers: Answers, ask: Ask = askSmall): Middleware {
  const copied = settings.copyHeaders.map((name) => name.toLowerCase());
  const host = new URL(settings.url).host;
  return {
    name: "forward-auth",
    async request(head): Promise<Verdict> {
      let answer: SmallAnswer;
      try {
        answer = await ask(settings.url, { fields: [["Host", host], ...question(head)], timeoutMs, maxBytes });
      } catch {
        return { kind: "answer", answer: answers.refuse("auth_unavailable", head) };
      }
      return answer.status >= 200 && answer.status < 300 ? passed(answer, copied) : refused(answer);
    },
  };
}

function question(head: RequestHead): readonly Field[] {
  const fields: Field[] = [
    ["X-Forwarded-Method", head.method],
    ["X-Forwarded-Proto", head.protocol],
    ["X-Forwarded-Host", head.header("host") ?? head.host],
    ["X-Forwarded-Uri", head.target],
    ["X-Forwarded-For", head.clientAddress],
    ["X-Request-Id", head.requestId],
  ];
  for (const name of passedOn) {
    const value = head.header(name);
    if (value !== undefined) fields.push([name, value]);
  }
  return fields;
}

function passed(answer: SmallAnswer, copied: readonly string[]): Verdict {
  const set = answer.fields.filter(([name]) => copied.includes(name.toLowerCase()));
  const cookies = answer.fields.filter(([name]) => name.toLowerCase() === "set-cookie");
  // What the client itself wrote there must not pass for the service's word.
  const edit = { remove: copied, add: set };
  return cookies.length === 0 ? { kind: "pass", edit } : { kind: "pass", edit, onAnswer: () => ({ add: cookies }) };
}

function refused({ status, fields, body }: SmallAnswer): Verdict {
  const kept = fields.filter(([name]) => !notRelayed.has(name.toLowerCase()));
  const answer = { status, body, fields: [...kept, ["Content-Length", String(body.length)] as const] };
  return { kind: "answer", answer: status === 401 || status === 403 ? { ...answer, code: codeOf(status) } : answer };
}

function codeOf(status: 401 | 403) {
  return status === 401 ? "unauthorized" : "forbidden";
}
