import { CacheStore } from "./cache/store.ts";
import { RateLimiter, type Spent } from "./rate-limit.ts";
import { Slots } from "./slots.ts";

const cacheBytes = 64 * 1024 * 1024;
const tellAfterMs = 10;

/** What limiters have given. */
export type SpentRates = readonly (readonly [limiter: string, spent: readonly Spent[]])[];

/** What the policies of one worker share, and keep when a route's policy changes. */
export class PolicyState {
  readonly cache = new CacheStore(cacheBytes);
  readonly slots = new Slots();
  /** Limits for an instance are divided among them. */
  workers = 1;
  /** To the other workers. */
  tell: ((spent: SpentRates) => void) | undefined;
  readonly #limiters = new Map<string, RateLimiter>();
  #telling: NodeJS.Timeout | undefined;

  /** The same buckets for the same rule of the same route. */
  limiter(key: string): RateLimiter {
    const known = this.#limiters.get(key);
    if (known !== undefined) return known;
    const made = new RateLimiter(this.tell && (() => this.#tellSoon()));
    this.#limiters.set(key, made);
    return made;
  }

  /** From another worker. Of a rule that is not known here yet, too: the table may be on its way. */
  hear(spent: SpentRates): void {
    const now = performance.now();
    for (const [key, given] of spent) this.limiter(key).hear(given, now);
  }

  #tellSoon(): void {
    if (this.#telling !== undefined) return;
    this.#telling = setTimeout(() => {
      this.#telling = undefined;
      const told = [...this.#limiters].map(([key, limiter]) => [key, limiter.tell()] as const);
      this.tell?.(told.filter(([, spent]) => spent.length > 0));
    }, tellAfterMs).unref();
  }

  /** The route is gone. */
  forget(route: string): void {
    for (const key of this.#limiters.keys()) if (key.startsWith(`${route}\n`)) this.#limiters.delete(key);
    this.purge(route, undefined);
  }

  /** Forgets stored answers of a route, below a path where one is given. Answers how many. */
  purge(route: string, path: string | undefined): number {
    return this.cache.purge((key) => {
      if (!key.startsWith(`${route}\n`)) return false;
      if (path === undefined) return true;
      const target = key.slice(key.indexOf("/", key.indexOf("://") + 3));
      return target.startsWith(path) && (path.endsWith("/") || ["", "/", "?"].includes(target.charAt(path.length)));
    });
  }
}
