import { createAnswers } from "../../../../server/router/policy/answers.ts";
import type { Middleware, OwnAnswer, RequestHead, Verdict } from "../../../../server/router/middleware.ts";

export const answers = createAnswers();

/** A request's head as a middleware sees it. */
export function requestHead(
  target = "/",
  headers: Readonly<Record<string, string>> = {},
  rest: Partial<RequestHead> = {},
): RequestHead {
  return {
    method: "GET",
    target,
    host: "shop.test",
    protocol: "http",
    clientAddress: "192.0.2.7",
    requestId: "req-1",
    header: (name) => headers[name] ?? (name === "host" ? "shop.test" : undefined),
    ...rest,
  };
}

export type Passed = Extract<Verdict, { kind: "pass" }>;

export async function pass(middleware: Middleware, head: RequestHead): Promise<Passed> {
  const verdict = await middleware.request(head);
  if (verdict.kind !== "pass") throw new Error(`answered ${verdict.answer.status}`);
  return verdict;
}

export async function refusal(middleware: Middleware, head: RequestHead): Promise<OwnAnswer> {
  const verdict = await middleware.request(head);
  if (verdict.kind === "pass") throw new Error("let pass");
  return verdict.answer;
}

export function fieldOf(answer: OwnAnswer, name: string): string | undefined {
  return answer.fields.find((field) => field[0].toLowerCase() === name)?.[1];
}
