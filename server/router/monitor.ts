import type { OwnAnswer } from "./middleware.ts";

/** How the check of a load balancer in front, which knows no app's name, says who it is: Cloud Foundry's way of asking. */
export const monitorAgent = "HTTP-Monitor/1.1";

export function health(isClosing: boolean): OwnAnswer {
  const fields = [
    ["Cache-Control", "private, max-age=0"],
    ["Expires", "0"],
    ["Content-Type", "text/plain; charset=utf-8"],
  ] as const;
  return isClosing ? { status: 503, fields, body: "" } : { status: 200, fields, body: "ok\n" };
}
