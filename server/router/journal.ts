import { performance } from "node:perf_hooks";
import type { FailureCode } from "./failures.ts";
import { failures } from "./failures.ts";
import type { Target } from "./protocol.ts";
import type { RequestOutcome } from "./request-line.ts";
import type { RequestFacts } from "./sides.ts";
import type { Traffic } from "./traffic.ts";
import { turnTime } from "./turn.ts";

/** What becomes of one request, for its record. */
export class Journal implements RequestOutcome {
  connectMs: number | undefined = 0;
  serviceMs: number | undefined;
  target: Target | undefined;
  app: string | undefined;
  /** A failure, or a policy's word for its own answer. */
  code: string | undefined;
  status = 0;
  /** Bytes of the answer's body. */
  sent = 0;

  /** Of the next request. */
  begin(): void {
    this.connectMs = 0;
    this.serviceMs = undefined;
    this.target = undefined;
    this.app = undefined;
    this.code = undefined;
    this.status = 0;
    this.sent = 0;
  }

  get dyno(): string | undefined {
    return this.target?.name;
  }

  get bytes(): number | undefined {
    return this.target === undefined ? undefined : this.sent;
  }

  /** After a wait for a new connection. */
  connected({ startedAt }: RequestFacts): void {
    this.connectMs = performance.now() - startedAt;
  }

  /** Once, at the end. Requests that belong to no app are counted and not logged. */
  finish(traffic: Traffic, facts: RequestFacts): void {
    const { app, code } = this;
    traffic.finished(code);
    if (app === undefined) return;
    const now = turnTime();
    if (isFailure(code)) this.status = failures[code].status;
    traffic.metrics.record(app, this.status, now - facts.startedAt, now);
    this.#close(now - facts.startedAt);
    traffic.records.add(app, Math.round(traffic.wallClock(now)), facts, this);
  }

  #close(totalMs: number): void {
    const wasReached = this.target !== undefined && this.code !== "H21" && this.code !== "H19";
    this.serviceMs = wasReached ? totalMs - (this.connectMs ?? 0) : undefined;
    if (!wasReached) this.connectMs = undefined;
  }
}

function isFailure(code: string | undefined): code is FailureCode {
  return code !== undefined && Object.hasOwn(failures, code);
}
