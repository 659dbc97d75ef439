import type { Middleware } from "../middleware.ts";
import type { Answers } from "./answers.ts";

/** Refuses by the length that the request tells. The data path counts a body that tells none. */
export function bodyLimit(maxBytes: number, answers: Answers): Middleware {
  return {
    name: "body-limit",
    request(head) {
      const length = Number(head.header("content-length") ?? 0);
      return length > maxBytes ? { kind: "answer", answer: answers.refuse("body_too_large", head) } : { kind: "pass" };
    },
  };
}
