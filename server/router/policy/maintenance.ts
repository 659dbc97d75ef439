import type { Middleware } from "../middleware.ts";
import type { Answers } from "./answers.ts";

/** No request reaches the app. */
export function maintenance(answers: Answers): Middleware {
  return {
    name: "maintenance",
    request: (head) => ({ kind: "answer", answer: answers.refuse("H80", head, [["Retry-After", "60"]]) }),
  };
}
