import type { AnswerHead, Field, HeadEdit, RequestHead } from "../middleware.ts";

/** Edits of a head, one upon the other, and the one edit that does all of them. */
export class Overlay {
  readonly #removed = new Set<string>();
  #fields: Field[] = [];
  target: string | undefined;

  get isEmpty(): boolean {
    return this.#removed.size === 0 && this.#fields.length === 0 && this.target === undefined;
  }

  apply(edit: HeadEdit): void {
    for (const name of edit.remove ?? []) this.#remove(name);
    for (const [name] of edit.set ?? []) this.#remove(name);
    this.#fields.push(...(edit.set ?? []), ...(edit.add ?? []));
    this.target = edit.target ?? this.target;
  }

  header(name: string, base: (name: string) => string | undefined): string | undefined {
    const values = this.#fields.filter((field) => field[0].toLowerCase() === name).map((field) => field[1]);
    const kept = this.#removed.has(name) ? undefined : base(name);
    if (kept !== undefined) values.unshift(kept);
    return values.length === 0 ? undefined : values.join(", ");
  }

  fields(base: readonly Field[]): readonly Field[] {
    return [...base.filter((field) => !this.#removed.has(field[0].toLowerCase())), ...this.#fields];
  }

  toEdit(): HeadEdit {
    const target = this.target === undefined ? {} : { target: this.target };
    return { ...target, remove: [...this.#removed], add: this.#fields };
  }

  #remove(name: string): void {
    const lower = name.toLowerCase();
    this.#removed.add(lower);
    this.#fields = this.#fields.filter((field) => field[0].toLowerCase() !== lower);
  }
}

/** A request as it is after an edit. */
export class EditedRequest implements RequestHead {
  readonly #base: RequestHead;
  readonly #overlay = new Overlay();
  readonly method: string;
  readonly host: string;
  readonly protocol: "http" | "https";
  readonly clientAddress: string;
  readonly requestId: string;

  constructor(base: RequestHead, edit: HeadEdit) {
    this.#base = base;
    this.#overlay.apply(edit);
    this.method = base.method;
    this.host = base.host;
    this.protocol = base.protocol;
    this.clientAddress = base.clientAddress;
    this.requestId = base.requestId;
  }

  get target(): string {
    return this.#overlay.target ?? this.#base.target;
  }

  header(name: string): string | undefined {
    return this.#overlay.header(name, (one) => this.#base.header(one));
  }
}

/** An answer as it is after some edits. */
export class EditedAnswer implements AnswerHead {
  readonly #base: AnswerHead;
  readonly overlay = new Overlay();
  status: number;

  constructor(base: AnswerHead) {
    this.#base = base;
    this.status = base.status;
  }

  header(name: string): string | undefined {
    return this.overlay.header(name, (one) => this.#base.header(one));
  }

  fields(): readonly Field[] {
    return this.overlay.fields(this.#base.fields());
  }
}

/** The head of an answer from its fields alone. */
export function answerHead(status: number, fields: readonly Field[]): AnswerHead {
  return {
    status,
    header(name) {
      const values = fields.filter((field) => field[0].toLowerCase() === name).map((field) => field[1]);
      return values.length === 0 ? undefined : values.join(", ");
    },
    fields: () => fields,
  };
}
