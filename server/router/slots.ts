/** Something that knows its place in a {@link Slots}. */
export interface Slotted {
  /** −1 outside. */
  slot: number;
}

/**
 * What is there at a time, in no order. A `Set` would do; but one through which connections pass by the thousand copies
 * itself again and again, and its copies keep what has left alive until the whole heap is looked through.
 */
export class Slots<T extends Slotted> {
  readonly #all: T[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(one: T): void {
    one.slot = this.#all.length;
    this.#all.push(one);
  }

  remove(one: T): void {
    if (one.slot === -1) return;
    const last = this.#all.pop();
    if (last !== undefined && last !== one) {
      this.#all[one.slot] = last;
      last.slot = one.slot;
    }
    one.slot = -1;
  }

  /** As they are at this moment. */
  list(): readonly T[] {
    return [...this.#all];
  }
}
