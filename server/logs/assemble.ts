import { StringDecoder } from "node:string_decoder";
import type { Position, StreamName, StreamPosition } from "./record.ts";
import { cleanText, splitText } from "./text.ts";

/** One piece of output as the engine kept it: a whole line, or a part of a long one without its line end. */
export interface LogFrame {
  readonly ns: string;
  readonly stream: StreamName;
  readonly bytes: Buffer;
}

export interface AssembledLine {
  readonly ns: string;
  readonly stream: StreamName;
  readonly ordinal: number;
  readonly isOpen: boolean;
  readonly text: string;
}

/** A position while it moves. */
type Places = { [S in StreamName]?: StreamPosition | undefined };

const lineEnd = 10;
/** The engine writes its two streams side by side: one may be this much late. */
const skewNs = 2_000_000_000n;

/** Turns the output of one container into clean lines, leaving out what was taken before. */
export class LineAssembler {
  readonly #taken: Places;
  #skipTo: Position;
  #seen: Places = {};
  #decoders = newDecoders();

  constructor(position: Position) {
    this.#taken = { ...position };
    this.#skipTo = position;
  }

  get position(): Position {
    return { ...this.#taken };
  }

  /** Call before the output is read again from `since()`. */
  rewind(): void {
    this.#skipTo = this.position;
    this.#seen = {};
    this.#decoders = newDecoders();
  }

  /** Nanoseconds since the epoch where reading must begin so that nothing is missed; undefined is the very start. */
  since(): string | undefined {
    return sinceOf(this.#taken);
  }

  take(frame: LogFrame): readonly AssembledLine[] {
    const { ns, stream, bytes } = frame;
    const isOpen = bytes[bytes.length - 1] !== lineEnd;
    const lines: AssembledLine[] = [];
    for (const text of splitText(cleanText(this.#decode(frame, isOpen)))) {
      const seen = this.#seen[stream];
      const ordinal = seen?.ns === ns ? seen.ordinal + 1 : 1;
      const place: StreamPosition = { ns, ordinal, isOpen };
      this.#seen[stream] = place;
      // The line end of a long line that was cut right before it.
      const isRest = text === "" && seen?.isOpen === true;
      if (isRest || isTaken(place, this.#skipTo[stream])) continue;
      this.#taken[stream] = place;
      lines.push({ ns, stream, ordinal, isOpen, text });
    }
    return lines;
  }

  /** A character that a long line's cut splits is put together again. */
  #decode({ stream, bytes }: LogFrame, isOpen: boolean): string {
    const decoder = this.#decoders[stream];
    if (isOpen) return decoder.write(bytes);
    const text = decoder.write(bytes.subarray(0, -1)) + decoder.end();
    return text.endsWith("\r") ? text.slice(0, -1) : text;
  }
}

function newDecoders(): Readonly<Record<StreamName, StringDecoder>> {
  return { o: new StringDecoder("utf8"), e: new StringDecoder("utf8") };
}

function isTaken(place: StreamPosition, last: StreamPosition | undefined): boolean {
  if (last === undefined || place.ns > last.ns) return false;
  return place.ns < last.ns || place.ordinal <= last.ordinal;
}

export function sinceOf(position: Position): string | undefined {
  const places = [position.o, position.e].filter((place) => place !== undefined);
  if (places.length === 0) return undefined;
  const latest = places.reduce((max, place) => (place.ns > max ? place.ns : max), "");
  const withSkew = String(BigInt(latest) - skewNs).padStart(19, "0");
  // Pieces of one long line share its instant, however late the last of them comes.
  return places.reduce((min, place) => (place.isOpen && place.ns < min ? place.ns : min), withSkew);
}
