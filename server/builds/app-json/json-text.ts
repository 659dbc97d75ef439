import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { AppError } from "../../core/errors.ts";

const conflictPattern = /^(?:<{7}|={7}|>{7}|\|{7})/;

/** A value of a JSON file that knows where it stands: every complaint names file, line and key. */
export class JsonValue {
  readonly #file: JsonFile;
  readonly #node: Node;
  readonly key: string | undefined;

  constructor(file: JsonFile, node: Node, key: string | undefined) {
    this.#file = file;
    this.#node = node;
    this.key = key;
  }

  get line(): number {
    return this.#file.lineAt(this.#node.offset);
  }

  get value(): unknown {
    return this.#node.value;
  }

  get type(): string {
    return this.#node.type;
  }

  /** Members in order. @throws AppError APP_JSON_INVALID unless it is an object without a key twice */
  entries(hint: string): readonly (readonly [string, JsonValue])[] {
    if (this.type !== "object") this.refuse(`${this.#shown} stands where an object is expected.`, hint);
    const seen = new Map<string, number>();
    return (this.#node.children ?? []).flatMap((property) => {
      const [name, node] = property.children ?? [];
      if (name === undefined || node === undefined) return [];
      const key = String(name.value);
      const first = seen.get(key);
      const line = this.#file.lineAt(name.offset);
      const value = new JsonValue(this.#file, node, this.key === undefined ? key : `${this.key}.${key}`);
      if (first !== undefined)
        this.#file.refuse(line, value.key, `it stands there already, on line ${first}.`, "Remove one of the two.");
      seen.set(key, line);
      return [[key, value] as const];
    });
  }

  items(hint: string): readonly JsonValue[] {
    if (this.type !== "array") this.refuse(`${this.#shown} stands where a list is expected.`, hint);
    return (this.#node.children ?? []).map((node, at) => new JsonValue(this.#file, node, `${this.key ?? ""}[${at}]`));
  }

  text(hint: string): string {
    if (typeof this.value !== "string") this.refuse(`${this.#shown} is not a text.`, hint);
    return this.value as string;
  }

  flag(): boolean {
    if (typeof this.value !== "boolean")
      this.refuse(`${this.#shown} is neither true nor false.`, "Write true or false.");
    return this.value as boolean;
  }

  /** A whole number within the bounds. */
  whole(min: number, max: number): number {
    const { value } = this;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.refuse(`${this.#shown} is not a whole number from ${min} to ${max}.`, "Write a number without quotes.");
  }

  refuse(problem: string, hint: string): never {
    return this.#file.refuse(this.line, this.key, problem, hint);
  }

  /** How it is named in a complaint. */
  get #shown(): string {
    if (this.type === "object") return "an object";
    if (this.type === "array") return "a list";
    return JSON.stringify(this.value);
  }
}

/** A JSON file with comments and trailing commas allowed, as Dokku reads them. */
export class JsonFile {
  readonly name: string;
  readonly #text: string;

  constructor(name: string, text: string) {
    this.name = name;
    this.#text = text.replace(/^\uFEFF/, "");
  }

  /** @throws AppError APP_JSON_INVALID */
  root(): JsonValue {
    this.#refuseConflicts();
    const errors: ParseError[] = [];
    const node = parseTree(this.#text, errors, { allowTrailingComma: true, disallowComments: false });
    const [first] = errors;
    if (node === undefined && this.#isBlank())
      this.refuse(1, undefined, "the file is empty.", `Write {} into it, or remove it.`);
    if (first !== undefined || node === undefined)
      this.refuse(
        this.lineAt(first?.offset ?? 0),
        undefined,
        problemOf(first),
        "Correct the JSON there, commit and push again.",
      );
    return new JsonValue(this, node as Node, undefined);
  }

  /** Line of a place in the text, from 1. */
  lineAt(offset: number): number {
    return this.#text.slice(0, offset).split(/\r\n|\r|\n/).length;
  }

  refuse(line: number, key: string | undefined, problem: string, hint: string): never {
    throw new AppError("APP_JSON_INVALID", { file: this.name, line, key, problem, hint });
  }

  #isBlank(): boolean {
    return this.#text.trim() === "";
  }

  #refuseConflicts(): void {
    const at = this.#text.split(/\r\n|\r|\n/).findIndex((line) => conflictPattern.test(line));
    if (at === -1) return;
    const hint = "Keep one side, remove the markers and commit.";
    this.refuse(at + 1, undefined, "this is a merge conflict.", hint);
  }
}

const problems: Readonly<Record<string, string>> = {
  CommaExpected: "a comma is missing before this.",
  ColonExpected: "a colon is missing after the key.",
  CloseBraceExpected: "a closing } is missing.",
  CloseBracketExpected: "a closing ] is missing.",
  PropertyNameExpected: "a key in double quotes is expected here.",
  ValueExpected: "a value is missing here.",
  EndOfFileExpected: "something stands after the end of the JSON.",
  UnexpectedEndOfString: "a closing quote is missing.",
  InvalidNumberFormat: "this is not a number.",
  InvalidSymbol: "this is not JSON; texts stand in double quotes.",
  UnexpectedEndOfComment: "a comment is not closed.",
  InvalidCharacter: "a character here is not allowed.",
  InvalidUnicode: "this escape is not right.",
  InvalidEscapeCharacter: "this escape is not right.",
  UnexpectedEndOfNumber: "this is not a number.",
};

function problemOf(error: ParseError | undefined): string {
  const code = error === undefined ? "ValueExpected" : printParseErrorCode(error.error);
  return problems[code] ?? `this is not JSON (${code}).`;
}
