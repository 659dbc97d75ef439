import type { Output } from "../core/output.ts";
import type { ConfigVars } from "../core/types.ts";

const mask = "***";
const minSecretLength = 8;
/** A run of overlapping secrets longer than this is written as one mask and forgotten: memory stays bounded. */
const maxHeldLength = 65_536;

/** Values that say which environment it is, not how to get in; masking `production` would spoil every build log. */
const plainNames = new Set([
  "STACK",
  "CF_STACK",
  "NODE_ENV",
  "RAILS_ENV",
  "RACK_ENV",
  "APP_ENV",
  "FLASK_ENV",
  "MIX_ENV",
  "ENVIRONMENT",
]);

/**
 * What must not be seen in output: each value of 8 characters or more, each such line of a value with several (a key
 * in PEM form is printed line by line), the password within a URL, and the credentials within
 * VCAP_SERVICES.
 */
export function secretsOf(config: ConfigVars): readonly string[] {
  const found = new Set<string>();
  for (const [name, value] of Object.entries(config)) {
    if (plainNames.has(name)) continue;
    for (const part of [value, ...value.split(/\r?\n/), ...passwordsOf(value), ...credentialsOf(value)]) {
      if (part.trim().length >= minSecretLength) found.add(part);
    }
  }
  return [...found];
}

/** Say where something is, not how to get in. */
const placeNames = new Set(["host", "hostname", "port", "name", "database", "db", "scheme", "plan", "label"]);

/** In JSON like VCAP_SERVICES every text below a key `credentials`, and the passwords of URLs among them. */
function credentialsOf(value: string): readonly string[] {
  if (!value.startsWith("{")) return [];
  const found: string[] = [];
  const visit = (node: unknown, isSecret: boolean): void => {
    if (typeof node === "string" && isSecret) found.push(node, ...passwordsOf(node));
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      if (!placeNames.has(key)) visit(child, isSecret || key === "credentials");
    }
  };
  try {
    visit(JSON.parse(value), false);
  } catch {
    return [];
  }
  return found;
}

function passwordsOf(value: string): readonly string[] {
  if (!URL.canParse(value)) return [];
  const { password } = new URL(value);
  return [password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Replaces secrets by `***` in a stream of text, also where a chunk ends within one. */
export class Masker {
  readonly #secrets: readonly string[];
  #held = "";

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets.filter((s) => s !== "");
  }

  /** What can be shown now; the start of a possible secret is held until the next chunk decides. */
  push(chunk: string): string {
    if (this.#secrets.length === 0) return chunk;
    const text = this.#held + chunk;
    const covered = occurrences(text, this.#secrets);
    let cut = openStart(text, this.#secrets);
    const across = covered.find(([start, end]) => start < cut && cut < end);
    if (across) cut = across[0];
    if (text.length - cut > maxHeldLength) cut = text.length;
    this.#held = text.slice(cut);
    return replace(text.slice(0, cut), covered);
  }

  /** The rest: no more will come. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return replace(rest, occurrences(rest, this.#secrets));
  }
}

/** An Output on which secrets never appear, whatever the chunks of `raw` are. */
export function maskOutput(out: Output, secrets: readonly string[]): Output & { flush(): void } {
  const masker = new Masker(secrets);
  const decoder = new TextDecoder();
  const whole = (text: string): string => replace(text, occurrences(text, secrets));
  const flush = (): void => {
    const rest = masker.push(decoder.decode()) + masker.flush();
    if (rest !== "") out.raw(rest);
  };
  const line = (write: (text: string) => void) => (text: string) => {
    flush();
    write(whole(text));
  };
  return {
    step: line((text) => out.step(text)),
    detail: line((text) => out.detail(text)),
    problem: line((text) => out.problem(text)),
    result: line((text) => out.result(text)),
    raw: (chunk) => {
      const shown = masker.push(typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
      if (shown !== "") out.raw(shown);
    },
    flush,
  };
}

type Range = readonly [start: number, end: number];

/** Where secrets stand, overlapping ones as one range, in order. */
function occurrences(text: string, secrets: readonly string[]): readonly Range[] {
  const all: Range[] = [];
  for (const secret of secrets) {
    for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1))
      all.push([at, at + secret.length]);
  }
  all.sort((a, b) => a[0] - b[0]);
  const merged: Range[] = [];
  for (const [start, end] of all) {
    const last = merged.at(-1);
    if (last && start < last[1]) merged[merged.length - 1] = [last[0], Math.max(last[1], end)];
    else merged.push([start, end]);
  }
  return merged;
}

/** The first place from which on the text is the beginning of a secret; its length when there is none. */
function openStart(text: string, secrets: readonly string[]): number {
  const longest = Math.max(...secrets.map((s) => s.length));
  for (let at = Math.max(0, text.length - longest + 1); at < text.length; at++) {
    const tail = text.slice(at);
    if (secrets.some((s) => s.length > tail.length && s.startsWith(tail))) return at;
  }
  return text.length;
}

/** Ranges beyond the text are ignored. */
function replace(text: string, ranges: readonly Range[]): string {
  let shown = "";
  let at = 0;
  for (const [start, end] of ranges) {
    if (start >= text.length) break;
    shown += text.slice(at, start) + mask;
    at = end;
  }
  return shown + text.slice(at);
}
