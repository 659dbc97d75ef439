/**
 * Pushes between the start of their deploy and the move of their ref. The next deploy of the app may start before the ref
 * of the one before has moved; whoever looks at the branch waits for that.
 */
export class Landings {
  readonly #underWay = new Map<string, Set<Promise<void>>>();

  /** Enters a push. Its turn comes when all that entered before have ended. */
  enter(appId: string): Landing {
    const underWay = this.#underWay.get(appId) ?? new Set();
    this.#underWay.set(appId, underWay);
    const earlier = [...underWay];
    const { promise, resolve } = Promise.withResolvers<void>();
    underWay.add(promise);
    const end = () => {
      underWay.delete(promise);
      if (underWay.size === 0 && this.#underWay.get(appId) === underWay) this.#underWay.delete(appId);
      resolve();
    };
    return { turn: Promise.all(earlier).then(() => undefined), end };
  }
}

export interface Landing {
  readonly turn: Promise<void>;
  end(): void;
}
