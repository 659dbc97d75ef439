import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import type { AppId } from "../../core/ids.ts";
import type { BuildpackPins } from "./fetch.ts";
import { parseReference, shown } from "./reference.ts";

/** Where the settings of an app are kept. */
export interface SettingsStore {
  get<T>(id: AppId, key: string, schema: z.ZodType<T>): T | undefined;
  set(id: AppId, key: string, value: unknown): void;
  unset(id: AppId, key: string): void;
}

/** A buildpack of an app as people see it. */
export interface ListedBuildpack {
  /** 1, 2, … */
  readonly index: number;
  readonly buildpack: string;
  /** Commit or digest that it is taken at; undefined until the first build with it. */
  readonly pin: string | undefined;
}

/** One of the two names an entry of the list. */
export interface Entry {
  readonly buildpack?: string | undefined;
  readonly index?: number | undefined;
}

const listKey = "buildpacks";
const pinsKey = "buildpacks.pins";
const listSchema = z.array(z.string());
const pinsSchema = z.record(z.string(), z.string());
const maxEntries = 20;

/** The list of buildpacks that an app was given, and what each was when it was fetched first. */
export class AppBuildpacks {
  readonly #settings: SettingsStore;
  readonly #builtins: readonly string[];

  constructor(settings: SettingsStore, builtins: readonly string[]) {
    this.#settings = settings;
    this.#builtins = builtins;
  }

  list(id: AppId): readonly string[] {
    return this.#settings.get(id, listKey, listSchema) ?? [];
  }

  readonly pins: BuildpackPins = {
    get: (id, text) => this.#pins(id)[text],
    set: (id, text, pin) => this.#settings.set(id, pinsKey, { ...this.#pins(id), [text]: pin }),
  };

  show(id: AppId): readonly ListedBuildpack[] {
    const pins = this.#pins(id);
    return this.list(id).map((text, i) => ({ index: i + 1, buildpack: shown(text), pin: pins[text] }));
  }

  /** What is pinned, also of what the repository itself names. */
  pinned(id: AppId): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(this.#pins(id)).map(([text, pin]) => [shown(text), pin]));
  }

  /** Puts one in at a place (1 is the first), or at the end. @throws AppError BUILDPACK_… */
  add(id: AppId, text: string, index?: number): void {
    const list = this.list(id);
    const checked = this.#check(text, list);
    if (list.length >= maxEntries) throw new AppError("BUILDPACKS_TOO_MANY", { limit: maxEntries });
    const at = index === undefined ? list.length : Math.min(index - 1, list.length);
    this.#settings.set(id, listKey, list.toSpliced(at, 0, checked));
  }

  /** Puts one in the place of another, the first unless told; at the end when there is none so far. @throws AppError BUILDPACK_… */
  set(id: AppId, text: string, index = 1): void {
    const list = this.list(id);
    const at = Math.min(index - 1, list.length);
    const replaced = list[at];
    const checked = this.#check(text, list.toSpliced(at, 1));
    this.#settings.set(id, listKey, list.toSpliced(at, 1, checked));
    if (replaced !== undefined && replaced !== checked) this.#unpin(id, [replaced]);
  }

  /** @throws AppError BUILDPACK_NOT_LISTED */
  remove(id: AppId, entry: Entry): string {
    const list = this.list(id);
    const at = entry.index === undefined ? list.findIndex((one) => isCalled(one, entry.buildpack)) : entry.index - 1;
    const text = list[at];
    if (text === undefined) {
      const what = entry.buildpack === undefined ? `buildpack ${entry.index}` : `"${shown(entry.buildpack)}"`;
      throw new AppError("BUILDPACK_NOT_LISTED", { what });
    }
    this.#settings.set(id, listKey, list.toSpliced(at, 1));
    this.#unpin(id, [text]);
    return shown(text);
  }

  clear(id: AppId): void {
    this.#unpin(id, this.list(id));
    this.#settings.unset(id, listKey);
  }

  /** Forgets what one was, or all were, so that the next build takes what they are then. Answers which. */
  update(id: AppId, buildpack: string | undefined): readonly string[] {
    const all = Object.keys(this.#pins(id));
    const wanted = buildpack === undefined ? all : all.filter((text) => isCalled(text, buildpack));
    if (buildpack !== undefined && wanted.length === 0) {
      throw new AppError("BUILDPACK_NOT_PINNED", { what: shown(buildpack) });
    }
    this.#unpin(id, wanted);
    return wanted.map(shown);
  }

  #pins(id: AppId): Readonly<Record<string, string>> {
    return this.#settings.get(id, pinsKey, pinsSchema) ?? {};
  }

  #unpin(id: AppId, texts: readonly string[]): void {
    const kept = Object.entries(this.#pins(id)).filter(([text]) => !texts.includes(text));
    this.#settings.set(id, pinsKey, Object.fromEntries(kept));
  }

  #check(raw: string, others: readonly string[]): string {
    const parsed = parseReference(raw, [...this.#builtins, "dockerfile"]);
    if (!parsed.ok) throw new AppError("BUILDPACK_INVALID", { reason: parsed.reason, hint: parsed.hint });
    const { text } = parsed.reference;
    if (others.includes(text)) throw new AppError("BUILDPACK_TWICE", { text: shown(text) });
    return text;
  }
}

/** As it was typed, or as it is shown: without the password in its address. */
function isCalled(text: string, asked: string | undefined): boolean {
  return asked !== undefined && (text === asked.trim() || shown(text) === asked.trim());
}
