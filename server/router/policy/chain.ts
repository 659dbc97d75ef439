import { Duplex, pipeline } from "node:stream";
import type { AnswerEdit, AnswerHook, Middleware, OwnAnswer, RequestHead, Verdict } from "../middleware.ts";
import { answerHead, EditedAnswer, EditedRequest, Overlay } from "./overlay.ts";

type Passed = Extract<Verdict, { kind: "pass" }>;

/**
 * Many middlewares as one. Each sees the request as those before have edited it, and the answer as those after have;
 * the one verdict holds all edits.
 */
export function chain(middlewares: readonly Middleware[]): (head: RequestHead) => Verdict | Promise<Verdict> {
  return (head) => new Run(middlewares, head).from(0);
}

class Run {
  readonly #middlewares: readonly Middleware[];
  /** As the next middleware sees it. Those before keep what they saw: their hooks still look at it. */
  #head: RequestHead;
  readonly #edits = new Overlay();
  readonly #hooks: AnswerHook[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(middlewares: readonly Middleware[], head: RequestHead) {
    this.#middlewares = middlewares;
    this.#head = head;
  }

  /** Waits only where a middleware does. */
  from(start: number): Verdict | Promise<Verdict> {
    for (let index = start; index < this.#middlewares.length; index++) {
      const verdict = this.#middlewares[index]?.request(this.#head);
      if (verdict instanceof Promise) return this.#later(verdict, index);
      const answer = verdict && this.#take(verdict, index);
      if (answer !== undefined) return answer;
    }
    return this.#passed();
  }

  async #later(waiting: Promise<Verdict>, index: number): Promise<Verdict> {
    let verdict: Verdict;
    try {
      verdict = await waiting;
    } catch (err) {
      this.#end();
      throw err;
    }
    return this.#take(verdict, index) ?? this.from(index + 1);
  }

  #take(verdict: Verdict, index: number): Verdict | undefined {
    if (verdict.kind === "answer") {
      this.#end();
      return { kind: "answer", answer: this.#dress(verdict.answer, index) };
    }
    if (verdict.edit !== undefined) {
      this.#edits.apply(verdict.edit);
      this.#head = new EditedRequest(this.#head, verdict.edit);
    }
    if (verdict.onAnswer !== undefined) this.#hooks.push(verdict.onAnswer);
    if (verdict.onEnd !== undefined) this.#ends.push(verdict.onEnd);
    return undefined;
  }

  #passed(): Passed {
    const edit = this.#edits.isEmpty ? {} : { edit: this.#edits.toEdit() };
    const onAnswer = this.#hooks.length === 0 ? {} : { onAnswer: composeHooks(this.#hooks.toReversed()) };
    const onEnd = this.#ends.length === 0 ? {} : { onEnd: () => this.#end() };
    return { kind: "pass", ...edit, ...onAnswer, ...onEnd };
  }

  #end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #dress(answer: OwnAnswer, index: number): OwnAnswer {
    const edited = new EditedAnswer(answerHead(answer.status, answer.fields));
    for (const middleware of this.#middlewares.slice(0, index).toReversed()) {
      const edit = middleware.onOwnAnswer?.(edited);
      if (edit !== undefined) edited.overlay.apply(edit);
    }
    return edited.overlay.isEmpty ? answer : { ...answer, fields: edited.fields() };
  }
}

/** Hooks in the order in which they are asked, as one. After one that replaces the answer only heads are edited. */
export function composeHooks(hooks: readonly AnswerHook[]): AnswerHook {
  const [only] = hooks;
  if (hooks.length === 1 && only !== undefined) return only;
  return (answer) => {
    let edited = new EditedAnswer(answer);
    let replace: OwnAnswer | undefined;
    let isChanged = false;
    let keepsLength = true;
    const bodies: (() => Duplex)[] = [];
    for (const hook of hooks) {
      const edit = hook(edited);
      if (edit === undefined) continue;
      isChanged = true;
      if (edit.replace !== undefined) {
        replace = edit.replace;
        edited = new EditedAnswer(answerHead(replace.status, replace.fields));
        continue;
      }
      edited.overlay.apply(edit);
      edited.status = edit.status ?? edited.status;
      if (edit.body === undefined) continue;
      bodies.push(edit.body);
      if (edit.keepsLength !== true) keepsLength = false;
    }
    if (!isChanged) return undefined;
    if (replace !== undefined) return { replace: dressed(replace, edited) };
    return { ...edited.overlay.toEdit(), status: edited.status, ...bodyEdit(bodies, keepsLength) };
  };
}

function dressed(answer: OwnAnswer, edited: EditedAnswer): OwnAnswer {
  return { ...answer, status: edited.status, fields: edited.fields() };
}

function bodyEdit(bodies: readonly (() => Duplex)[], keepsLength: boolean): Pick<AnswerEdit, "body" | "keepsLength"> {
  const [first] = bodies;
  if (first === undefined) return {};
  const body = bodies.length === 1 ? first : () => joined(bodies.map((make) => make()));
  return keepsLength ? { body, keepsLength } : { body };
}

function joined(streams: readonly Duplex[]): Duplex {
  // Errors come out at the end that the data path reads.
  pipeline(streams, () => {});
  const [writable, readable] = [streams[0], streams.at(-1)];
  if (writable === undefined || readable === undefined) throw new TypeError("nothing to join");
  return Duplex.from({ writable, readable });
}
