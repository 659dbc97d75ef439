import type { RequestHead } from "../../middleware.ts";
import { type Entry, suits } from "./entry.ts";

const maxVariants = 8;
const overheadBytes = 512;

interface Slot {
  entries: Entry[];
  bytes: number;
}

/** The answers that one worker keeps for all its routes, the least recently used gone first. Bounded. */
export class CacheStore {
  readonly #maxBytes: number;
  readonly #slots = new Map<string, Slot>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get entries(): number {
    return [...this.#slots.values()].reduce((sum, slot) => sum + slot.entries.length, 0);
  }

  find(key: string, request: RequestHead): Entry | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    return slot.entries.find((entry) => suits(entry, request));
  }

  put(key: string, entry: Entry, request: RequestHead): void {
    const before = this.#slots.get(key)?.entries ?? [];
    const entries = [entry, ...before.filter((one) => !suits(one, request))].slice(0, maxVariants);
    this.#remove(key);
    const bytes = entries.reduce((sum, one) => sum + sizeOf(one), key.length);
    this.#slots.set(key, { entries, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#slots.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#remove(oldest);
    }
  }

  delete(key: string): void {
    this.#remove(key);
  }

  /** Answers how many were forgotten. */
  purge(matches: (key: string) => boolean): number {
    let count = 0;
    for (const [key, slot] of this.#slots) {
      if (!matches(key)) continue;
      count += slot.entries.length;
      this.#remove(key);
    }
    return count;
  }

  #remove(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#bytes -= slot.bytes;
  }
}

function sizeOf(entry: Entry): number {
  return (
    entry.body.length + overheadBytes + entry.fields.reduce((sum, field) => sum + field[0].length + field[1].length, 0)
  );
}
