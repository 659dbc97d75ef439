import type { FailureCode } from "./failures.ts";
import { failures } from "./failures.ts";
import type { Target } from "./protocol.ts";
import { requestLine } from "./request-line.ts";
import type { RequestFacts } from "./sides.ts";
import type { Traffic } from "./traffic.ts";

/** What becomes of one request, for its line in the app's log. */
export class Journal {
  readonly #startedAt: number;
  #connectMs = 0;
  target: Target | undefined;
  app: string | undefined;
  /** A failure, or a policy's word for its own answer. */
  code: string | undefined;
  status = 0;
  bytes = 0;

  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /** After a wait for a new connection. */
  connected(): void {
    this.#connectMs = performance.now() - this.#startedAt;
  }

  /** Once, at the end. Requests that belong to no app are counted and not logged. */
  finish(traffic: Traffic, facts: RequestFacts): void {
    const { app, code } = this;
    if (app === undefined) {
      traffic.finished(code, undefined);
      return;
    }
    const now = performance.now();
    const status = isFailure(code) ? failures[code].status : this.status;
    traffic.metrics.record(app, status, now - this.#startedAt, now);
    const wasReached = this.target !== undefined && code !== "H21" && code !== "H19";
    const text = requestLine({
      method: facts.method,
      path: facts.target,
      host: facts.host,
      requestId: facts.requestId,
      fwd: facts.forwardedFor,
      dyno: this.target?.name,
      connectMs: wasReached ? this.#connectMs : undefined,
      serviceMs: wasReached ? now - this.#startedAt - this.#connectMs : undefined,
      status,
      bytes: this.target === undefined ? undefined : this.bytes,
      protocol: facts.protocol,
      code,
    });
    traffic.finished(code, { at: Math.round(traffic.wallClock(now)), app, text });
  }
}

function isFailure(code: string | undefined): code is FailureCode {
  return code !== undefined && Object.hasOwn(failures, code);
}
