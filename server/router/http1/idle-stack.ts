import type { InstanceConnection } from "./instance-connection.ts";

/** Connections to one instance that nobody uses; the one that was used last comes first. */
export class IdleStack {
  /** Never shorter than it was: an array that is emptied and filled with each request is new memory each time. */
  readonly #places: (InstanceConnection | undefined)[] = [];
  #size = 0;
  /** The table names the instance: what is used no more is kept for it. */
  isListed: boolean;

  constructor(isListed: boolean) {
    this.isListed = isListed;
  }

  get size(): number {
    return this.#size;
  }

  push(connection: InstanceConnection): void {
    this.#places[this.#size] = connection;
    this.#size += 1;
  }

  pop(): InstanceConnection | undefined {
    if (this.#size === 0) return undefined;
    this.#size -= 1;
    const last = this.#places[this.#size];
    this.#places[this.#size] = undefined;
    return last;
  }

  /** One was closed. */
  forget(connection: InstanceConnection): void {
    const index = this.#places.indexOf(connection);
    if (index !== -1) this.#remove(index, 1);
  }

  /** Also when the instance closes its idle connections, or is gone: none of the others can be trusted. */
  destroyAll(): void {
    for (const connection of this.#remove(0, this.#size)) connection?.destroy();
  }

  destroyOld(now: number): void {
    let old = 0;
    while (old < this.#size && (this.#places[old]?.idleUntil ?? 0) <= now) old += 1;
    if (old > 0) for (const connection of this.#remove(0, old)) connection?.destroy();
  }

  #remove(from: number, count: number): readonly (InstanceConnection | undefined)[] {
    this.#size -= count;
    return this.#places.splice(from, count);
  }
}
