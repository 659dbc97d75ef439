import { CacheStore } from "./cache/store.ts";
import { RateLimiter } from "./rate-limit.ts";
import { Slots } from "./slots.ts";

const cacheBytes = 64 * 1024 * 1024;

/** What the policies of one worker share, and keep when a route's policy changes. */
export class PolicyState {
  readonly cache = new CacheStore(cacheBytes);
  readonly slots = new Slots();
  /** Limits for an instance are divided among them. */
  workers = 1;
  readonly #limiters = new Map<string, RateLimiter>();

  /** The same buckets for the same rule of the same route. */
  limiter(key: string): RateLimiter {
    const known = this.#limiters.get(key);
    if (known !== undefined) return known;
    const made = new RateLimiter();
    this.#limiters.set(key, made);
    return made;
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

export function routeKey(route: { readonly host: string; readonly path: string }): string {
  return `${route.host} ${route.path}`;
}
