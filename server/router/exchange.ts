import type { IncomingMessage, ServerResponse } from "node:http";
import { type FailureCode, failureOf, renderFailure } from "./failures.ts";
import { answerFields, fieldTokens, fieldValues } from "./headers.ts";
import { Incoming, receive } from "./incoming.ts";
import type { Accepted } from "./inspect.ts";
import { type CallFailure, InstanceCall } from "./instance-call.ts";
import type { Journal } from "./journal.ts";
import type { Target } from "./protocol.ts";
import { relayAnswer, relayInformation, relayRequest } from "./relay.ts";
import { Attempts, type Traffic } from "./traffic.ts";

/** Answers one request of a client, through an instance where there is one. */
export function serve(traffic: Traffic, req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
  const incoming = receive(traffic, req);
  if (incoming instanceof Incoming) {
    new Exchange(traffic, incoming, res, expectsContinue).start();
    return;
  }
  res.writeHead(incoming.status, [...incoming.headers, "Connection", "close"]).end(incoming.body);
}

/** `connecting` → `sending` (a body) → `waiting` → `answering` → `done`. */
type Phase = "connecting" | "sending" | "waiting" | "answering" | "done";

class Exchange {
  readonly #traffic: Traffic;
  readonly #incoming: Incoming;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #request: Accepted;
  readonly #journal: Journal;
  readonly #attempts: Attempts;
  #owesContinue: boolean;
  #phase: Phase = "connecting";
  #call: InstanceCall | undefined;
  #leave: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #isRepeated = false;
  #stalledPeriods = 0;

  constructor(traffic: Traffic, incoming: Incoming, res: ServerResponse, expectsContinue: boolean) {
    this.#traffic = traffic;
    this.#incoming = incoming;
    this.#req = incoming.req;
    this.#res = res;
    this.#request = incoming.request;
    this.#owesContinue = expectsContinue;
    this.#attempts = new Attempts(traffic, incoming.request.host, incoming.request.target);
    this.#journal = incoming.journal(traffic);
  }

  start(): void {
    this.#req.on("error", () => {});
    this.#res.on("error", () => {});
    this.#res.once("close", () => this.#closed());
    this.#attempt();
  }

  #attempt(): void {
    const choice = this.#attempts.next();
    this.#journal.app = this.#attempts.app;
    if (choice.kind === "none") {
      this.#fail(choice.code);
      return;
    }
    this.#phase = "connecting";
    this.#leave = choice.leave;
    this.#journal.chose(choice.target, this.#attempts.app);
    try {
      this.#call = this.#open(choice.target);
    } catch {
      // node:http refuses to write what its parser let through.
      this.#fail("H26");
      return;
    }
    if (this.#request.body === "none") this.#call.request.end();
    else this.#call.request.flushHeaders();
  }

  #open(target: Target): InstanceCall {
    const { method, isReplayable } = this.#request;
    const options = {
      method,
      target: this.#request.target,
      fields: this.#incoming.fields(this.#owesContinue, undefined),
      reuse: isReplayable && !this.#isRepeated,
    };
    return new InstanceCall(this.#traffic, target, options, {
      connected: () => this.#connected(),
      information: (status, message, raw) => this.#informed(status, message, raw),
      answered: (answer) => this.#answered(answer),
      failed: (failure) => this.#callFailed(target, failure),
    });
  }

  #connected(): void {
    this.#journal.connected();
    const { firstByteTimeoutMs, continueAfterMs } = this.#traffic.policy;
    const { body } = this.#request;
    const request = this.#call?.request;
    if (body === "none" || request === undefined) {
      this.#waitForAnswer(firstByteTimeoutMs);
      return;
    }
    this.#phase = "sending";
    this.#watchIdle();
    relayRequest(this.#req, request, () => this.#moved());
    request.once("finish", () => {
      if (this.#phase === "sending") this.#waitForAnswer(firstByteTimeoutMs);
    });
    if (this.#owesContinue) setTimeout(() => this.#continue(), continueAfterMs).unref();
  }

  #waitForAnswer(timeoutMs: number): void {
    this.#phase = "waiting";
    this.#watch(timeoutMs, () => this.#fail("H12"));
  }

  #informed(status: number, message: string, raw: readonly string[]): void {
    if (status === 100) this.#continue();
    else relayInformation(this.#res, status, message, raw);
  }

  #continue(): void {
    if (!this.#owesContinue || this.#res.headersSent || this.#phase === "done") return;
    this.#owesContinue = false;
    this.#res.writeContinue();
  }

  #answered(answer: IncomingMessage): void {
    this.#phase = "answering";
    this.#watchIdle();
    answer.on("error", () => {});
    if (!this.#writeHead(answer)) {
      this.#fail("H17");
      return;
    }
    relayAnswer(answer, this.#res, {
      bytes: (count) => {
        this.#journal.bytes += count;
        this.#moved();
      },
      complete: () => this.#complete(),
      cut: () => this.#fail("H18"),
    });
  }

  #writeHead(answer: IncomingMessage): boolean {
    const codings = fieldTokens(answer.rawHeaders, "transfer-encoding");
    const hasLength = fieldValues(answer.rawHeaders, "content-length").length > 0;
    // Another coding would be lost with its field, and the body with it.
    if (codings.some((coding) => coding !== "chunked") || (codings.length > 0 && hasLength)) return false;
    const hasBody = this.#request.method !== "HEAD" && answer.statusCode !== 204 && answer.statusCode !== 304;
    const fields = answerFields({
      raw: answer.rawHeaders,
      requestId: this.#incoming.requestId,
      isChunked: hasBody && !hasLength && this.#req.httpVersion === "1.1",
      closes: this.#traffic.isClosing || this.#owesContinue,
    });
    try {
      this.#res.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? "", fields);
      return true;
    } catch {
      return false;
    }
  }

  /** The instance has done its part: it is free even when the client still reads. */
  #complete(): void {
    this.#leave();
    const request = this.#call?.request;
    if (request !== undefined && !request.writableFinished) this.#call?.cancel();
    this.#phase = "done";
    this.#watchClient();
    this.#discardRequest();
  }

  #callFailed(target: Target, failure: CallFailure): void {
    this.#leave();
    if (failure.kind === "broken") {
      this.#fail(failure.code);
      return;
    }
    if (failure.kind === "unsent") this.#attempts.refused(target, failure.code);
    else this.#isRepeated = true;
    this.#attempt();
  }

  #fail(code: FailureCode): void {
    if (this.#phase === "done") return;
    this.#phase = "done";
    this.#unwatch();
    this.#call?.cancel();
    this.#leave();
    this.#journal.code = code;
    // A cut body must never look like a whole one.
    if (this.#res.headersSent || failureOf(code).status === 499) {
      this.#res.destroy();
      return;
    }
    const { status, headers, body } = renderFailure(code, this.#incoming.requestId, this.#incoming.accept);
    const closes = this.#owesContinue || this.#traffic.isClosing;
    this.#res.writeHead(status, closes ? [...headers, "Connection", "close"] : headers.slice());
    this.#journal.bytes = body.length;
    this.#res.end(body);
    this.#discardRequest();
  }

  /** The answer is out, or the client is gone. */
  #closed(): void {
    this.#unwatch();
    if (!this.#res.writableFinished) this.#journal.code ??= "H27";
    if (this.#phase !== "done") this.#call?.cancel();
    this.#phase = "done";
    this.#leave();
    this.#journal.finish(this.#res.statusCode);
  }

  /** Reads on for a while, so that a client that still sends can read the answer. */
  #discardRequest(): void {
    const req = this.#req;
    if (req.complete || req.destroyed || this.#owesContinue) return;
    req.unpipe();
    req.resume();
    const timer = setTimeout(() => req.socket.destroy(), this.#traffic.policy.lingerMs);
    req.once("close", () => clearTimeout(timer));
  }

  #unwatch(): void {
    clearTimeout(this.#timer);
    // A timer that was cleared would start again when refreshed.
    this.#timer = undefined;
  }

  #watch(timeoutMs: number, onTimeout: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(onTimeout, timeoutMs);
  }

  #watchIdle(): void {
    this.#watch(this.#traffic.policy.idleTimeoutMs, () => this.#idle());
  }

  #moved(): void {
    this.#stalledPeriods = 0;
    this.#timer?.refresh();
  }

  #idle(): void {
    if (this.#phase === "sending") {
      this.#fail(this.#call?.request.writableNeedDrain === true ? "H12" : "H28");
      return;
    }
    const isClientSlow = this.#res.writableNeedDrain;
    this.#stalledPeriods += 1;
    if (!isClientSlow) this.#fail("H15");
    else if (this.#stalledPeriods >= this.#traffic.policy.stalledPeriods) this.#fail("H28");
    else this.#watchIdle();
  }

  /** All that is left is for the client to read. */
  #watchClient(): void {
    const { idleTimeoutMs, stalledPeriods } = this.#traffic.policy;
    this.#watch(idleTimeoutMs * stalledPeriods, () => {
      this.#journal.code = "H28";
      this.#res.destroy();
    });
  }
}
