import { forwardedFor, type RawFields } from "./headers.ts";
import { type FailureCode, failureOf } from "./failures.ts";
import type { Target } from "./protocol.ts";
import { requestLine } from "./request-line.ts";
import type { Traffic } from "./traffic.ts";

export interface JournalFacts {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly requestId: string;
  readonly raw: RawFields;
  readonly clientAddress: string;
}

/** What becomes of one request, for its line in the app's log. */
export class Journal {
  readonly #traffic: Traffic;
  readonly #facts: JournalFacts;
  #chosenAt = 0;
  #connectedAt: number | undefined;
  #dyno: string | undefined;
  #connectMs: number | undefined;
  app: string | undefined;
  code: FailureCode | undefined;
  bytes = 0;

  constructor(traffic: Traffic, facts: JournalFacts) {
    this.#traffic = traffic;
    this.#facts = facts;
  }

  chose(target: Target, app: string | undefined): void {
    this.app = app;
    this.#dyno = target.name;
    this.#chosenAt = performance.now();
  }

  connected(): void {
    this.#connectedAt = performance.now();
    this.#connectMs = this.#connectedAt - this.#chosenAt;
  }

  /** Once, at the end. Requests that belong to no app are counted and not logged. */
  finish(status: number): void {
    const { app, code } = this;
    const record = app === undefined ? undefined : { at: Date.now(), app, text: this.#line(status) };
    this.#traffic.finished(code, record);
  }

  #line(status: number): string {
    const { raw, clientAddress, ...facts } = this.#facts;
    const serviceMs = this.#connectedAt === undefined ? undefined : performance.now() - this.#connectedAt;
    return requestLine({
      ...facts,
      fwd: forwardedFor(raw, clientAddress),
      dyno: this.#dyno,
      connectMs: this.#connectMs,
      serviceMs,
      status: this.code === undefined ? status : failureOf(this.code).status,
      bytes: this.#dyno === undefined ? undefined : this.bytes,
      protocol: "http",
      code: this.code,
    });
  }
}
