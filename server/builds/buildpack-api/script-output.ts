import type { Output } from "../../core/output.ts";

const ansiPattern = /\u001b\[[0-9;?]*[A-Za-z]/g;
const maxLineLength = 16_384;

/**
 * Shows what a buildpack's script prints. Such scripts write the grammar of our own output (`-----> step`, seven spaces,
 * ` !     problem`), which must not be indented again.
 */
export class ScriptOutput {
  readonly #out: Output;
  readonly #decoder = new TextDecoder();
  #partial = "";

  constructor(out: Output) {
    this.#out = out;
  }

  push(chunk: Uint8Array): void {
    this.#partial += this.#decoder.decode(chunk, { stream: true });
    const lines = this.#partial.split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#show(line);
    // A program that never ends its line must not fill the memory.
    if (this.#partial.length > maxLineLength) this.flush();
  }

  /** The rest: no more will come. */
  flush(): void {
    const rest = this.#partial;
    this.#partial = "";
    if (rest !== "") this.#show(rest);
  }

  #show(raw: string): void {
    const line = plainLine(raw);
    const [, arrow, text = ""] = /^(-----> ?|=====> ?| {1,2}!(?= ) *)(.*)$/.exec(line) ?? [];
    if (arrow === undefined) this.#out.raw(`${line.replace(/^ {7}/, "")}\n`);
    else if (arrow.startsWith("-")) this.#out.step(text);
    else if (arrow.startsWith("=")) this.#out.result(text);
    else this.#out.problem(text);
  }
}

/** Without colours; of a line that was redrawn what stands at the end. */
function plainLine(raw: string): string {
  const redrawn = raw.replace(/\r+$/, "").split("\r").pop() ?? "";
  return redrawn.replace(ansiPattern, "").trimEnd();
}

/** What a script wrote, up to a length: the rest is counted, not kept. */
export class Captured {
  readonly #limitBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  push(chunk: Uint8Array): void {
    const room = this.#limitBytes - this.#length;
    if (room > 0) this.#chunks.push(chunk.slice(0, room));
    this.#length += chunk.length;
  }

  get isWhole(): boolean {
    return this.#length <= this.#limitBytes;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
