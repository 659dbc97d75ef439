import { editFields, editRequest, fieldIn, fieldsOf, withoutFields } from "./edit-head.ts";
import type { FailureAnswer, FailureCode } from "./failures.ts";
import { putText } from "./http1/bytes.ts";
import { out, reserve } from "./http1/slab.ts";
import type { Instance } from "./instances.ts";
import type { AnswerHead, AnswerHook, HeadEdit, OwnAnswer, RequestHead, Verdict } from "./middleware.ts";
import { STATUS_CODES } from "./node-http.ts";
import { sayHead } from "./own-answer.ts";
import type { CompiledPolicy, Picked, Picker } from "./policy/compiled-policy.ts";
import type { Policy } from "./policy.ts";
import type { TableRoute } from "./protocol.ts";
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
  /** The first and the last of the streams that the body goes through. */
  #body: NodeJS.ReadWriteStream | undefined;
  #last: NodeJS.ReadWriteStream | undefined;
  #ended: (() => void) | undefined;
  #broken: (() => void) | undefined;
  #onDrain: (() => void) | undefined;
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

  /** Asks the middlewares, one after the other. At once where none of them waits. */
  decide(done: (own: OwnAnswer | undefined) => void): void {
    this.#ask(0, done);
  }

  #ask(index: number, done: (own: OwnAnswer | undefined) => void): void {
    for (let i = index; i < this.#policy.middlewares.length; i++) {
      const verdict = this.#policy.middlewares[i]?.request(this.#head);
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

  pick(
    route: TableRoute,
    candidates: readonly Instance[],
    arrivedAt: number,
    done: (picked: Exclude<Picked, { kind: "wait" }> | undefined) => void,
    again: () => void,
  ): void {
    const picked = this.#policy.picker?.pick(this.#head, {
      route,
      arrivedAt,
      targets: candidates.map((one) => one.target),
      inFlight: (id) => candidates.find((one) => one.target.id === id)?.inFlight ?? 0,
    });
    if (picked?.kind === "wait") {
      void picked.until.then(again, again);
      return;
    }
    if (picked?.kind === "target") {
      if (picked.onAnswer !== undefined) this.#hooks.push(picked.onAnswer);
      if (picked.onEnd !== undefined) this.#atEnd(picked.onEnd);
    }
    done(picked);
  }

  /** The head in the slab after all edits: where it begins and ends then. */
  editRequest(buffer: Buffer, at: number, end: number): { readonly start: number; readonly end: number } | undefined {
    if (this.#edits.length === 0) return undefined;
    let text = buffer.toString("latin1", at, end);
    for (const edit of this.#edits) text = editRequest(text, edit);
    const start = reserve(text.length + 4_096);
    return { start, end: putText(out.buffer, start, text) };
  }

  /** Runs the hooks on the answer; true when its head was said here. `give` takes what the body becomes. */
  answer(answer: AnswerStart, buffer: Buffer, give: (chunk: Buffer) => void): boolean {
    if (this.#hooks.length === 0) return false;
    let { status } = answer;
    let lines = buffer.toString("latin1", answer.fieldsStart, answer.fieldsEnd);
    const head: AnswerHead = { status, header: (name) => fieldIn(lines, name), fields: () => fieldsOf(lines) };
    const bodies: (() => NodeJS.ReadWriteStream)[] = [];
    for (const hook of this.#hooks.toReversed()) {
      const edit = hook({ ...head, status });
      if (edit === undefined) continue;
      status = edit.status ?? status;
      lines = editFields(lines, edit);
      if (edit.body !== undefined) bodies.push(edit.body);
    }
    const hasBody = answer.framing !== framing.none;
    if (bodies.length > 0) lines = withoutFields(lines, ["content-length", "trailer"]);
    if (bodies.length > 0 && hasBody) this.#transform(bodies, give);
    const isStream = answer.framing === framing.chunks && !this.#client.takesChunks;
    const kind = this.changesBody || isStream ? framing.stream : answer.framing;
    const line =
      status === answer.status
        ? buffer.toString("latin1", answer.lineStart, answer.fieldsStart)
        : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
    sayHead(this.#client, line, lines, status, kind, answer.length);
    return true;
  }

  #transform(bodies: readonly (() => NodeJS.ReadWriteStream)[], give: (chunk: Buffer) => void): void {
    const streams = bodies.map((make) => make());
    const [first] = streams;
    let last = first;
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
    this.#broken = undefined;
    this.#ended = undefined;
    this.#onDrain = undefined;
    for (const one of this.#ends) one();
  }

  /** Also when it comes too late. */
  #atEnd(hook: () => void): void {
    if (this.#isOver) hook();
    else this.#ends.push(hook);
  }
}

const broken: OwnAnswer = { status: 503, fields: [["Cache-Control", "no-store"]], body: "", code: "H99" };
