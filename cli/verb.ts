import type { Context } from "./context.ts";

/** One verb of the command line, as data. */
export interface Verb {
  /** `ps:scale` */
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** In commander's notation: `<name>`, `[version]`, `[command...]`. */
  readonly args?: readonly string[];
  readonly options?: readonly VerbOption[];
  /** Takes `-a, --app`, else the git remote names the app. */
  readonly hasApp?: boolean;
  /** Takes `--json`. */
  readonly hasJson?: boolean;
  /** Everything after the first argument is the command's own, options too. */
  readonly isPassThrough?: boolean;
  /** Needs files or programs of the user's machine: refused over ssh. */
  readonly isLocal?: boolean;
  readonly isHidden?: boolean;
  readonly examples: readonly string[];
  /** Answers the exit code when it is not 0. */
  run(context: Context, input: Input): Promise<number | void>;
}

/** Flags in commander's notation and what they mean. */
export type VerbOption = readonly [flags: string, description: string];

export interface VerbGroup {
  readonly title: string;
  readonly verbs: readonly Verb[];
}

type OptionValue = string | boolean | readonly string[] | undefined;

/** What was typed, after commander has checked it against the verb. */
export class Input {
  readonly args: readonly string[];
  readonly #options: Readonly<Record<string, OptionValue>>;

  constructor(args: readonly string[], options: Readonly<Record<string, OptionValue>>) {
    this.args = args;
    this.#options = options;
  }

  /** An argument that the verb declares as required. */
  arg(index: number): string {
    return this.args[index] ?? "";
  }

  optionalArg(index: number): string | undefined {
    return this.args[index];
  }

  /** Name in camel case, as in `bootTimeout`. */
  option(name: string): string | undefined {
    const value = this.#options[name];
    return typeof value === "string" ? value : undefined;
  }

  /** All values of an option that may be given more than once, `--header <line...>`. */
  options(name: string): readonly string[] {
    const value = this.#options[name];
    return Array.isArray(value) ? (value as readonly string[]) : [];
  }

  flag(name: string): boolean {
    return this.#options[name] === true;
  }

  /** `--no-remote` was given. */
  isOff(name: string): boolean {
    return this.#options[name] === false;
  }
}
