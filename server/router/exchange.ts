import { Chooser, type Choosing } from "./chooser.ts";
import { type FailureAnswer, type FailureCode, failureOf, renderFailure } from "./failures.ts";
import { out, reserve } from "./http1/slab.ts";
import type { Attempt, Instance } from "./instances.ts";
import { Journal } from "./journal.ts";
import type { LiveRoute } from "./live-table.ts";
import { isSafe } from "./methods.ts";
import type { Policy } from "./policy.ts";
import { answerOf, say } from "./own-answer.ts";
import type { OwnAnswer } from "./middleware.ts";
import { health, monitorAgent } from "./monitor.ts";
import { pinnedPolicy } from "./policy/compile.ts";
import { PolicyRun } from "./policy-run.ts";
import type {
  AnswerStart,
  CallFailure,
  CallOptions,
  ClientEvents,
  ClientSide,
  InstanceCall,
  InstanceEvents,
} from "./sides.ts";
import { continueStart, framing } from "./sides.ts";
import type { Timed } from "./sweeper.ts";
import type { Traffic } from "./traffic.ts";

/** `deciding` (policies) → `connecting` → `sending` (a body) → `waiting` → `answering` or `tunnel` → `done`. */
const phases = { deciding: 0, connecting: 1, sending: 2, waiting: 3, answering: 4, tunnel: 5, done: 6 } as const;
type Phase = (typeof phases)[keyof typeof phases];

/**
 * A request and its answer, between a client's side and an instance's. It knows neither sockets nor protocols. One may serve
 * the next request of its client too: what lives long costs a collection nothing, and the memory it takes is at hand.
 */
export class Exchange implements ClientEvents, InstanceEvents, Timed, Attempt, CallOptions, Choosing {
  readonly #traffic: Traffic;
  readonly #client: ClientSide;
  readonly #journal = new Journal();
  #phase: Phase = phases.deciding;
  #route: LiveRoute | undefined;
  #policy: PolicyRun | undefined;
  #instance: Instance | undefined;
  #call: InstanceCall | undefined;
  #chooser: Chooser | undefined;
  #isRepeated = false;
  #hasAnswerBegun = false;
  #isRequestWhole = false;
  #owesContinue = false;
  #isInstanceFull = false;
  #isClientFull = false;
  #stalledPeriods = 0;
  #bodyBytes = 0;
  /** The client's half of a tunnel has ended. */
  #isHalfClosed = false;

  previous: Timed | undefined;
  next: Timed | undefined;
  deadline = 0;
  isMoved = false;
  slot = -1;
  since = 0;
  connectTimeoutMs = 0;
  mayReuse = false;
  isHead = false;
  #isWatched = false;
  #isLast = false;

  constructor(traffic: Traffic, client: ClientSide) {
    this.#traffic = traffic;
    this.#client = client;
  }

  /** Nobody can speak to it any more of a request that is over: no policy, no timer, no tunnel. */
  get mayServeAgain(): boolean {
    return this.#phase === phases.done && this.#chooser === undefined && !this.#isLast;
  }

  /** Serves no request after this one. */
  retire(): void {
    this.#isLast = true;
    if (this.#phase === phases.done) this.#unwatch();
  }

  #unwatch(): void {
    this.#isWatched = false;
    this.#traffic.unwatch(this);
  }

  begin(): void {
    const { facts } = this.#client;
    this.#journal.begin();
    this.#phase = phases.deciding;
    this.#isRequestWhole = facts.framing === framing.none;
    this.#owesContinue = facts.expectsContinue;
    this.#hasAnswerBegun = false;
    this.#isInstanceFull = false;
    this.#isClientFull = false;
    this.#stalledPeriods = 0;
    this.#bodyBytes = 0;
    this.deadline = 0;
    this.isMoved = false;
    if (!this.#isWatched) this.#traffic.watch(this);
    this.#isWatched = true;
    const route = this.match();
    if (route === undefined) {
      if (this.#client.header("user-agent") === monitorAgent) this.answerItself(health(this.#traffic.isClosing));
      else this.fail("unknown_route");
      return;
    }
    this.#route = route;
    const policy = route.policy ?? (facts.namesInstance === true ? pinnedPolicy() : undefined);
    const instance = policy === undefined ? route.next() : undefined;
    if (instance !== undefined) this.open(instance, true);
    else if (policy === undefined) this.#choices.nobody(route);
    else this.#choices.decide(route, new PolicyRun(policy, this.#client));
  }

  // Choosing.

  get #choices(): Chooser {
    return (this.#chooser ??= new Chooser(this.#traffic, this.#client, this));
  }

  get isDeciding(): boolean {
    return this.#phase === phases.deciding;
  }

  startOver(): void {
    this.#phase = phases.deciding;
  }

  governs(policy: PolicyRun, route: LiveRoute): void {
    this.#policy = policy;
    this.#route = route;
    policy.limit(() => this.fail("H12"));
  }

  answerItself(own: OwnAnswer): void {
    this.#say(own.code, answerOf(own, this.#client.facts.requestId));
  }

  match(): LiveRoute | undefined {
    const route = this.#traffic.match(this.#client.facts);
    if (route !== undefined) this.#journal.app = route.route.app;
    return route;
  }

  open(instance: Instance, mayMove: boolean): void {
    const { facts } = this.#client;
    const isReplayable = this.#isRequestWhole && isSafe(facts.method) && facts.upgrade === "";
    this.#instance = instance;
    instance.inFlight += 1;
    this.#journal.target = instance.target;
    this.#phase = phases.connecting;
    this.deadline = 0;
    this.connectTimeoutMs = this.#times().connectTimeoutMs;
    this.mayReuse = isReplayable && !this.#isRepeated;
    this.isHead = facts.method === "HEAD";
    const call = this.#traffic.transport(this.#policy?.instanceProtocol).call(instance.target, this, this);
    this.#call = call;
    if (call.isReused) this.#send(call);
    else if (mayMove) {
      this.since = performance.now();
      instance.begin(this);
    }
  }

  mayMove(): boolean {
    const route = this.match();
    // It was let in by settings that go with the instances of its table.
    if (route === undefined || route.policy !== this.#route?.policy) return false;
    return route.candidates(this.#chooser?.asked).some((one) => one !== this.#instance && !one.isOut);
  }

  instanceLeft(): void {
    const instance = this.#instance;
    if (instance === undefined || !this.mayMove()) return;
    this.#call?.cancel();
    this.#call = undefined;
    this.#leave();
    this.#choices.tryOthers(instance);
    this.#choices.attempt();
  }

  #times(): Pick<Policy, "connectTimeoutMs" | "firstByteTimeoutMs" | "idleTimeoutMs"> {
    return this.#policy?.times(this.#traffic.policy) ?? this.#traffic.policy;
  }

  connected(): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#journal.connected(this.#client.facts);
    this.#instance?.end(this);
    if (this.#instance?.isOut === true) this.#instance.back();
    this.#send(call);
  }

  #send(call: InstanceCall): void {
    const client = this.#client;
    const at = reserve(client.headBytes);
    const end = client.writeHead(out.buffer, at);
    const edited = this.#policy?.editRequest(out.buffer, at, end);
    call.sendHead(out.buffer, edited?.start ?? at, edited?.end ?? end, client.facts.framing);
    this.deadline = 0;
    if (this.#isRequestWhole) {
      this.#phase = phases.waiting;
      call.flush();
      return;
    }
    this.#phase = phases.sending;
    client.startBody(call.takesChunks);
    if (this.#call === call) call.flush();
  }

  // From the client.

  requestData(from: Buffer, start: number, end: number): void {
    this.isMoved = true;
    this.#owesContinue = false;
    const call = this.#call;
    if (call === undefined) return;
    this.#bodyBytes += end - start;
    const limit = this.#policy?.maxBodyBytes;
    if (limit !== undefined && this.#bodyBytes > limit && this.#phase !== phases.tunnel) {
      this.fail("body_too_large");
      return;
    }
    if (call.sendData(from, start, end) || this.#isInstanceFull) return;
    this.#isInstanceFull = true;
    this.#client.pauseBody();
  }

  /** What was told of the body so far needs its buffers no more. */
  get hasPassedOn(): boolean {
    return this.#bodyBytes > 0 && this.#call?.hasSentAll === true;
  }

  requestEnd(trailers: string): void {
    this.#isRequestWhole = true;
    this.#call?.sendEnd(trailers);
    this.deadline = 0;
    if (this.#phase === phases.sending) this.#phase = phases.waiting;
    else if (this.#phase === phases.tunnel) this.#isHalfClosed = true;
  }

  clientDrained(): void {
    this.isMoved = true;
    if (!this.#isClientFull) return;
    this.#isClientFull = false;
    if (this.#policy?.changesBody === true) this.#policy.resumeBody();
    else this.#call?.resumeAnswer();
  }

  clientGone(): void {
    if (this.#phase === phases.done) return;
    if (this.#phase !== phases.tunnel) this.#journal.code = "H27";
    this.#over();
  }

  requestBroken(status: 400 | 413): void {
    if (this.#phase === phases.done) return;
    if (this.#hasAnswerBegun) this.#cut("H26");
    else this.#say("H26", renderFailure("H26", this.#client.facts.requestId, this.#accept(), status));
  }

  // From the instance.

  get takesChunks(): boolean {
    return this.#client.takesChunks && this.#policy?.changesBody !== true;
  }

  informed(answer: AnswerStart, buffer: Buffer): void {
    if (answer.status !== 100) this.#client.inform(answer, buffer);
    else if (this.#owesContinue) {
      this.#owesContinue = false;
      this.#client.inform(answer, buffer);
    }
  }

  answered(answer: AnswerStart, buffer: Buffer): void {
    const client = this.#client;
    if (answer.status === 101 && client.facts.upgrade === "") {
      this.fail("H17");
      return;
    }
    this.#journal.status = answer.status;
    this.#hasAnswerBegun = true;
    this.deadline = 0;
    if (answer.status === 101) {
      this.#beginTunnel(answer, buffer);
      return;
    }
    this.#phase = phases.answering;
    const edited = this.#policy?.answer(answer, buffer, (chunk) => this.#transformed(chunk));
    if (edited !== undefined && edited !== true) {
      this.answerItself(edited);
      return;
    }
    if (edited === true) {
      this.#policy?.watchBody(
        () => this.#call?.resumeAnswer(),
        () => this.fail("H99"),
      );
      return;
    }
    const isDecoded = answer.framing === framing.chunks && !client.takesChunks;
    client.answer(isDecoded ? { ...answer, framing: framing.stream } : answer, buffer);
  }

  #transformed(chunk: Buffer): void {
    if (this.#phase === phases.done) return;
    if (!this.#client.answerData(chunk, 0, chunk.length)) {
      this.#isClientFull = true;
      this.#policy?.pauseBody();
    }
    this.#client.flush();
  }

  answerData(from: Buffer, start: number, end: number): void {
    this.isMoved = true;
    this.#stalledPeriods = 0;
    this.#journal.sent += end - start;
    const taken = this.#policy?.transform(from, start, end);
    if (taken !== undefined) {
      if (!taken) this.#call?.pauseAnswer();
      return;
    }
    this.#client.answerData(from, start, end);
  }

  answerEnd(trailers: string): void {
    // The instance has done its part: it is free even when the client still reads.
    this.#call = undefined;
    this.#leave();
    if (this.#policy?.transformEnd(() => this.#end(trailers)) !== true) this.#end(trailers);
    // Its head must not wait in the slab until the stream has something.
    else this.#client.flush();
  }

  answerPaused(): void {
    if (this.#client.flush() || this.#isClientFull || this.#phase === phases.done) return;
    this.#isClientFull = true;
    if (this.#policy?.changesBody !== true) this.#call?.pauseAnswer();
  }

  instanceDrained(): void {
    if (!this.#isInstanceFull) return;
    this.#isInstanceFull = false;
    this.isMoved = true;
    this.#client.resumeBody();
  }

  instanceFailed(failure: CallFailure): void {
    const instance = this.#instance;
    this.#call = undefined;
    this.#leave();
    if (failure.kind === "broken") {
      this.fail(failure.code);
      return;
    }
    if (instance !== undefined && failure.kind === "unsent") {
      this.#choices.tryOthers(instance, failure.code);
      if (failure.code !== "H99") instance.refused();
    }
    if (failure.kind === "stale") this.#isRepeated = true;
    this.#choices.attempt();
  }

  // The end.

  #end(trailers: string): void {
    if (this.#phase === phases.done) return;
    this.#over();
    this.#client.answerEnd(trailers);
  }

  fail(code: FailureCode): void {
    if (this.#phase === phases.done) return;
    // A cut body must never look like a whole one.
    if (this.#hasAnswerBegun || failureOf(code).status === 499) {
      this.#cut(code);
      return;
    }
    const { requestId } = this.#client.facts;
    this.#say(code, this.#policy?.renderFailure(code) ?? renderFailure(code, requestId, this.#accept()));
  }

  #say(code: string | undefined, answer: FailureAnswer): void {
    this.#journal.code = code;
    this.#journal.status = answer.status;
    this.#journal.sent = answer.body.length;
    this.#over();
    say(this.#client, { status: answer.status, fields: answer.headers, body: answer.body });
  }

  #cut(code: FailureCode): void {
    this.#journal.code = code;
    this.#over();
    this.#client.cut();
  }

  #over(): void {
    this.#phase = phases.done;
    this.#call?.cancel();
    this.#call = undefined;
    this.#leave();
    this.#policy?.end();
    this.#journal.finish(this.#traffic, this.#client.facts);
    this.#route = undefined;
    if (!this.mayServeAgain) this.#unwatch();
  }

  #leave(): void {
    const instance = this.#instance;
    if (instance === undefined) return;
    this.#instance = undefined;
    this.#policy?.left();
    instance.end(this);
    if (instance.tunnels.size > 0) instance.tunnels.delete(this);
    this.#traffic.instances.leave(instance);
  }

  #accept(): string {
    return this.#client.header("accept") ?? "";
  }

  // Tunnels.

  #beginTunnel(answer: AnswerStart, buffer: Buffer): void {
    this.#isLast = true;
    this.#phase = phases.tunnel;
    this.#policy?.unlimit();
    this.#instance?.tunnels.add(this);
    this.#client.answer(answer, buffer);
    this.#client.flush();
    this.#client.startBody(false);
  }

  /** Ends both directions, and cuts them after a grace. */
  endTunnel(): void {
    this.#call?.sendEnd("");
    this.#client.endTunnel();
    setTimeout(() => this.#end(""), this.#traffic.policy.tunnelGraceMs).unref();
  }

  // Time.

  timeoutMs(): number {
    const { firstByteTimeoutMs, idleTimeoutMs } = this.#times();
    if (this.#phase === phases.sending) {
      return this.#owesContinue ? Math.min(idleTimeoutMs, this.#traffic.policy.continueAfterMs) : idleTimeoutMs;
    }
    if (this.#phase === phases.waiting) return firstByteTimeoutMs;
    if (this.#phase === phases.answering) return idleTimeoutMs;
    return this.#isHalfClosed ? idleTimeoutMs : Infinity;
  }

  expired(): void {
    this.deadline = 0;
    if (this.#phase === phases.waiting) this.fail("H12");
    else if (this.#phase === phases.sending) this.#sendingStalled();
    else if (this.#phase === phases.answering) this.#answeringStalled();
    else if (this.#phase === phases.tunnel) this.#end("");
  }

  #sendingStalled(): void {
    if (this.#owesContinue) {
      this.#owesContinue = false;
      this.#client.inform(continueStart, out.buffer);
      return;
    }
    this.fail(this.#isInstanceFull ? "H12" : "H28");
  }

  /** The kernel reports a reader's progress only in large steps: it gets several periods. */
  #answeringStalled(): void {
    if (!this.#isClientFull) {
      this.fail("H15");
      return;
    }
    this.#stalledPeriods += 1;
    if (this.#stalledPeriods >= this.#traffic.policy.stalledPeriods) this.fail("H28");
  }
}
