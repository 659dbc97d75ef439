import type { ClientStream } from "./client-stream.ts";

/** The streams of one connection: a hundred at most, and nearly always the one that was asked for last. */
export class OpenStreams {
  readonly #all: ClientStream[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(stream: ClientStream): void {
    stream.slot = this.#all.length;
    this.#all.push(stream);
  }

  remove(stream: ClientStream): void {
    if (stream.slot === -1) return;
    const last = this.#all.pop();
    if (last !== undefined && last !== stream) {
      this.#all[stream.slot] = last;
      last.slot = stream.slot;
    }
    stream.slot = -1;
  }

  find(id: number): ClientStream | undefined {
    for (let i = this.#all.length - 1; i >= 0; i--) {
      const stream = this.#all[i];
      if (stream?.id === id) return stream;
    }
    return undefined;
  }

  list(): readonly ClientStream[] {
    return [...this.#all];
  }
}
