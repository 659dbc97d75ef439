/** What is under way to each target in this process. */
export class InFlight {
  readonly #counts = new Map<string, number>();
  readonly #tunnels = new Map<string, Set<() => void>>();
  readonly #waiters = new Set<() => void>();

  /** Counts one exchange until the answer is called; `close` is asked for at the end of a drain's patience. */
  enter(targetId: string, close?: () => void): () => void {
    this.#counts.set(targetId, this.count(targetId) + 1);
    if (close !== undefined) this.#tunnelsOf(targetId).add(close);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      if (close !== undefined) this.#tunnels.get(targetId)?.delete(close);
      this.#leave(targetId);
    };
  }

  count(targetId: string): number {
    return this.#counts.get(targetId) ?? 0;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** True as soon as nothing is under way to these targets; false after `deadlineMs`, when their tunnels are closed. */
  drain(targetIds: readonly string[], deadlineMs: number): Promise<boolean> {
    const isIdle = () => targetIds.every((id) => this.count(id) === 0);
    return this.#wait(isIdle, deadlineMs, () => this.closeTunnels(targetIds));
  }

  /** The same for all targets. */
  drainAll(deadlineMs: number): Promise<boolean> {
    return this.#wait(
      () => this.#counts.size === 0,
      deadlineMs,
      () => {},
    );
  }

  closeTunnels(targetIds: readonly string[] = [...this.#tunnels.keys()]): void {
    for (const id of targetIds) for (const close of [...(this.#tunnels.get(id) ?? [])]) close();
  }

  #wait(isIdle: () => boolean, deadlineMs: number, onDeadline: () => void): Promise<boolean> {
    if (isIdle()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (value: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        resolve(value);
      };
      const look = () => {
        if (isIdle()) settle(true);
      };
      const timer = setTimeout(() => {
        onDeadline();
        settle(false);
      }, deadlineMs);
      this.#waiters.add(look);
    });
  }

  #leave(targetId: string): void {
    const left = this.count(targetId) - 1;
    if (left > 0) {
      this.#counts.set(targetId, left);
      return;
    }
    this.#counts.delete(targetId);
    this.#tunnels.delete(targetId);
    for (const look of [...this.#waiters]) look();
  }

  #tunnelsOf(targetId: string): Set<() => void> {
    const known = this.#tunnels.get(targetId);
    if (known !== undefined) return known;
    const made = new Set<() => void>();
    this.#tunnels.set(targetId, made);
    return made;
  }
}
