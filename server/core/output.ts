/** Where long work reports to the person who waits for it. Grammar: `-----> step`, seven spaces for detail, ` !     problem`. */
export interface Output {
  step(text: string): void;
  detail(text: string): void;
  problem(text: string): void;
  /** The closing line: `=====> text`. */
  result(text: string): void;
  /** Raw output of a tool, any chunking, indented as detail when shown. */
  raw(chunk: string | Uint8Array): void;
}

// biome keeps this on one line; it matches ANSI colour and cursor sequences that tools print.
const ansiPattern = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** An Output that hands over whole lines, without line ends, in the grammar above. */
export class LineOutput implements Output {
  readonly #write: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #partial = "";

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  step(text: string): void {
    this.#emit("-----> ", text);
  }

  detail(text: string): void {
    this.#emit("       ", text);
  }

  problem(text: string): void {
    this.#emit(" !     ", text);
  }

  result(text: string): void {
    this.#emit("=====> ", text);
  }

  raw(chunk: string | Uint8Array): void {
    this.#partial += typeof chunk === "string" ? chunk : this.#decoder.decode(chunk, { stream: true });
    const lines = this.#partial.split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#write(`       ${clean(line)}`.trimEnd());
  }

  /** Writes what is left of a line that never ended. */
  flush(): void {
    if (this.#partial === "") return;
    const rest = this.#partial;
    this.#partial = "";
    this.#write(`       ${clean(rest)}`.trimEnd());
  }

  #emit(prefix: string, text: string): void {
    this.flush();
    for (const line of text.split("\n")) this.#write((prefix + line).trimEnd());
  }
}

/** A progress bar redraws its line with CR: only what stands at the end is kept. */
function clean(line: string): string {
  const shown = line.replace(/\r+$/, "").split("\r").pop() ?? "";
  return shown.replace(ansiPattern, "");
}

/** Sends everything to several outputs. */
export function tee(...outputs: readonly Output[]): Output {
  return {
    step: (text) => outputs.forEach((o) => o.step(text)),
    detail: (text) => outputs.forEach((o) => o.detail(text)),
    problem: (text) => outputs.forEach((o) => o.problem(text)),
    result: (text) => outputs.forEach((o) => o.result(text)),
    raw: (chunk) => outputs.forEach((o) => o.raw(chunk)),
  };
}

/** For work that nobody watches. */
export const silentOutput: Output = {
  step: () => undefined,
  detail: () => undefined,
  problem: () => undefined,
  result: () => undefined,
  raw: () => undefined,
};
