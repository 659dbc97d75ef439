import type { Duplex } from "node:stream";
import { editFields, editRequest, fieldIn, fieldsOf, withoutFields } from "./edit-head.ts";
import type { FailureAnswer, FailureCode } from "./failures.ts";
import { putText } from "./http1/bytes.ts";
import { out, reserve } from "./http1/slab.ts";
import type { Instance } from "./instances.ts";
import type { AnswerHead, AnswerHook, HeadEdit, OwnAnswer, RequestHead, Verdict } from "./middleware.ts";
import type { LiveRoute } from "./live-table.ts";
import { reasonOf } from "./node-http.ts";
import { sayHead } from "./own-answer.ts";
import type { CompiledPolicy, Picked, Picker } from "./policy/compiled-policy.ts";
import type { Policy } from "./policy.ts";
import type { AnswerStart, ClientSide } from "./sides.ts";
import { framing } from "./sides.ts";

type Times = Pick<Policy, "connectTimeoutMs" | "firstByteTimeoutMs" | "idleTimeoutMs">;

/** A route's policy on one exchange. */
export class PolicyRun {
  readonly #policy: CompiledPolicy;
  readonly #client: ClientSide;
  readonly #head: RequestHead;
  readonly #edits: HeadEdit[] = [];
  readonly #hooks: AnswerHook[] = [];
  readonly #ends: (() => void)[] = [];
  /** Of the instance that was picked last. */
  #pickedHook: AnswerHook | undefined;
  #pickedEnd: (() => void) | undefined;
  #leaveLine: (() => void) | undefined;
  /** The first and the last of the streams that the body goes through. */
  #body: Duplex | undefined;
  #last: Duplex | undefined;
  #ended: (() => void) | undefined;
  #broken: (() => void) | undefined;
  #onDrain: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isFull = false;
  #isOver = false;

  constructor(policy: CompiledPolicy, client: ClientSide) {
    this.#policy = policy;
    this.#client = client;
    const { method, target, host, protocol, clientAddress, requestId } = client.facts;
    const header = (name: string) => client.header(name);
    this.#head = { method, target, host, protocol, clientAddress, requestId, header };
  }

  get picker(): Picker | undefined {
    return this.#policy.picker;
  }

  get maxBodyBytes(): number | undefined {
    return this.#policy.maxBodyBytes;
  }

  get instanceProtocol(): CompiledPolicy["instanceProtocol"] {
    return this.#policy.instanceProtocol;
  }

  /** The answer's body goes through a stream of the policy. */
  get changesBody(): boolean {
    return this.#body !== undefined;
  }

  times(defaults: Times): Times {
    const { times } = this.#policy;
    return times === undefined ? defaults : { ...defaults, ...times };
  }

  renderFailure(code: FailureCode): FailureAnswer | undefined {
    return this.#policy.renderFailure?.(code, this.#head);
  }

  /** Calls `late` when the request as a whole has taken too long. */
  limit(late: () => void): void {
    const { requestMs } = this.#policy;
    if (requestMs !== undefined) this.#timer = setTimeout(late, requestMs);
  }

  unlimit(): void {
    clearTimeout(this.#timer);
  }

  /** Asks the middlewares, one after the other. At once where none of them waits. */
  decide(done: (own: OwnAnswer | undefined) => void): void {
    this.#ask(0, done);
  }

  #ask(index: number, done: (own: OwnAnswer | undefined) => void): void {
    for (let i = index; i < this.#policy.middlewares.length; i++) {
      const verdict = this.#verdict(i);
      if (verdict instanceof Promise) {
        void verdict.then(
          (settled) => this.#settled(settled, i, done),
          () => done(broken),
        );
        return;
      }
      const own = verdict === undefined ? undefined : this.#take(verdict);
      if (own !== undefined) {
        done(own);
        return;
      }
    }
    done(undefined);
  }

  /** What fails in a policy must not fail the worker, and must not let anybody in. */
  #verdict(index: number): Verdict | Promise<Verdict> | undefined {
    try {
      return this.#policy.middlewares[index]?.request(this.#head);
    } catch {
      return { kind: "answer", answer: broken };
    }
  }

  #settled(verdict: Verdict, index: number, done: (own: OwnAnswer | undefined) => void): void {
    const own = this.#take(verdict);
    if (own === undefined) this.#ask(index + 1, done);
    else done(own);
  }

  #take(verdict: Verdict): OwnAnswer | undefined {
    if (verdict.kind === "answer") return verdict.answer;
    if (verdict.edit !== undefined) this.#edits.push(verdict.edit);
    if (verdict.onAnswer !== undefined) this.#hooks.push(verdict.onAnswer);
    if (verdict.onEnd !== undefined) this.#atEnd(verdict.onEnd);
    return undefined;
  }

  /** Asks the picker of the route as it is now; `again` is called when a wait is over. */
  pick(
    { route, policy }: LiveRoute,
    candidates: readonly Instance[],
    tried: readonly Instance[] = [],
    arrivedAt: number,
    again: () => void,
  ): Exclude<Picked, { kind: "wait" }> | typeof waiting | undefined {
    const picked = (policy ?? this.#policy).picker?.pick(this.#head, {
      route,
      arrivedAt,
      targets: candidates.map((one) => one.target),
      tried: new Set(tried.map((one) => one.target.id)),
      inFlight: (id) => candidates.find((one) => one.target.id === id)?.inFlight ?? 0,
    });
    if (picked?.kind === "wait") {
      this.#leaveLine = picked.leave;
      void picked.until.then(again);
      return waiting;
    }
    this.#leaveLine = undefined;
    if (picked?.kind === "target") {
      this.#pickedHook = picked.onAnswer;
      this.#pickedEnd = picked.onEnd;
    }
    return picked;
  }

  /** The instance that was picked is free again. */
  left(): void {
    this.#pickedEnd?.();
    this.#pickedEnd = undefined;
  }

  /** The head in the slab after all edits: where it begins and ends then. */
  editRequest(buffer: Buffer, at: number, end: number): { readonly start: number; readonly end: number } | undefined {
    if (this.#edits.length === 0) return undefined;
    let text = buffer.toString("latin1", at, end);
    for (const edit of this.#edits) text = editRequest(text, edit);
    const start = reserve(text.length + 4_096);
    return { start, end: putText(out.buffer, start, text) };
  }

  /**
   * Runs the hooks on the answer: true when its head was said here, or what goes out in its place. `give` takes what the
   * body becomes.
   */
  answer(answer: AnswerStart, buffer: Buffer, give: (chunk: Buffer) => void): true | OwnAnswer | undefined {
    const hooks = [...this.#hooks.toReversed(), ...(this.#pickedHook === undefined ? [] : [this.#pickedHook])];
    if (hooks.length === 0) return undefined;
    let { status } = answer;
    let lines = buffer.toString("latin1", answer.fieldsStart, answer.fieldsEnd);
    const head: AnswerHead = { status, header: (name) => fieldIn(lines, name), fields: () => fieldsOf(lines) };
    const bodies: (() => Duplex)[] = [];
    let keepsLength = true;
    for (const hook of hooks) {
      const edit = hook({ ...head, status });
      if (edit === undefined) continue;
      if (edit.replace !== undefined) return edit.replace;
      status = edit.status ?? status;
      lines = editFields(lines, edit);
      if (edit.body !== undefined) bodies.push(edit.body);
      if (edit.body !== undefined && edit.keepsLength !== true) keepsLength = false;
    }
    const hasBody = answer.framing !== framing.none;
    if (bodies.length > 0) lines = withoutFields(lines, keepsLength ? ["trailer"] : ["content-length", "trailer"]);
    if (bodies.length > 0 && hasBody) this.#transform(bodies, give);
    const isStream = answer.framing === framing.chunks && !this.#client.takesChunks;
    const losesLength = this.changesBody && !(keepsLength && answer.framing === framing.length);
    const kind = losesLength || isStream ? framing.stream : answer.framing;
    const line =
      status === answer.status
        ? buffer.toString("latin1", answer.lineStart, answer.fieldsStart)
        : `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`;
    sayHead(this.#client, line, lines, { ...answer, status, framing: kind });
    return true;
  }

  #transform(bodies: readonly (() => Duplex)[], give: (chunk: Buffer) => void): void {
    const streams = bodies.map((make) => make());
    const [first] = streams;
    let last: Duplex | undefined = first;
    for (const next of streams.slice(1)) last = last?.pipe(next);
    for (const stream of streams) stream.on("error", () => this.#broken?.());
    last?.on("data", (chunk: Buffer | string) => give(Buffer.from(chunk)));
    last?.once("end", () => this.#ended?.());
    this.#body = first;
    this.#last = last;
  }

  /** A part of the body; undefined when nothing changes it. */
  transform(from: Buffer, start: number, end: number): boolean | undefined {
    if (this.#body === undefined) return undefined;
    // The bytes are lent, and a stream may keep them.
    const takes = this.#body.write(Buffer.from(from.subarray(start, end)));
    if (!takes && !this.#isFull) {
      this.#isFull = true;
      this.#body.once("drain", () => {
        this.#isFull = false;
        this.#onDrain?.();
      });
    }
    return takes;
  }

  /** Tells when the stream wants more, when all of it is out, and when it broke. */
  watchBody(onDrain: () => void, onBroken: () => void): void {
    this.#onDrain = onDrain;
    this.#broken = onBroken;
  }

  /** The instance has said all; true when `done` is called later, after the stream's own end. */
  transformEnd(done: () => void): boolean {
    if (this.#body === undefined) return false;
    this.#ended = done;
    this.#body.end();
    return true;
  }

  pauseBody(): void {
    this.#last?.pause();
  }

  resumeBody(): void {
    this.#last?.resume();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.unlimit();
    this.#broken = undefined;
    this.#ended = undefined;
    this.#onDrain = undefined;
    this.#leaveLine?.();
    this.left();
    // A body that was cut gets no end, and nobody keeps it for whole.
    this.#body?.destroy();
    for (const one of this.#ends) one();
  }

  /** Also when it comes too late. */
  #atEnd(hook: () => void): void {
    if (this.#isOver) hook();
    else this.#ends.push(hook);
  }
}

/** The request has to wait. */
export const waiting = Symbol("waiting");

const broken: OwnAnswer = { status: 503, fields: [["Cache-Control", "no-store"]], body: "", code: "H99" };
