import type { Middleware, RequestHead } from "../middleware.ts";
import type { Answers } from "./answers.ts";
import { cookieOf, queryOf } from "./request-parts.ts";
import type { RateLimit } from "./route-policy.ts";

const maxKeys = 100_000;

/** A key, and by how much later its bucket is full, ms. */
export type Spent = readonly [key: string, ms: number];

/**
 * A bucket per key that holds `requests` and fills up evenly within `perMs` (the generic cell rate algorithm): a burst
 * of that size is let through, then that many per period. Workers of a router tell each other what theirs have given: what
 * several gave at the same moment is a debt, so that over time nobody gets more than the limit.
 */
export class RateLimiter {
  /** Key → when its bucket is full again, ms. */
  readonly #fullAt = new Map<string, number>();
  /** Key → how much later that has become here, and nobody else knows, ms. */
  #spent = new Map<string, number>();
  readonly #onSpent: (() => void) | undefined;

  /** @param onSpent when there is something to tell; without it nothing is kept for others */
  constructor(onSpent?: () => void) {
    this.#onSpent = onSpent;
  }

  /** Undefined when the request may pass, else for how long it should wait, ms. */
  take(key: string, limit: Pick<RateLimit, "requests" | "perMs">, now: number): number | undefined {
    const interval = limit.perMs / limit.requests;
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now);
    const wait = fullAt + interval - limit.perMs - now;
    // Half a microsecond: sums of fractions do not come out even.
    if (wait > 0.0005) return wait;
    this.#add(key, interval, now);
    if (this.#onSpent !== undefined) {
      if (this.#spent.size === 0) this.#onSpent();
      this.#spent.set(key, (this.#spent.get(key) ?? 0) + interval);
    }
    return undefined;
  }

  /** What was given here since the last time. */
  tell(): readonly Spent[] {
    const spent = [...this.#spent];
    this.#spent = new Map();
    return spent;
  }

  /** What another worker has given. */
  hear(spent: readonly Spent[], now: number): void {
    for (const [key, ms] of spent) this.#add(key, ms, now);
  }

  #add(key: string, ms: number, now: number): void {
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now) + ms;
    // Again at the end: the oldest are the first to go.
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt);
    if (this.#fullAt.size > maxKeys) this.#forget(now);
  }

  get size(): number {
    return this.#fullAt.size;
  }

  #forget(now: number): void {
    for (const [key, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(key);
    for (const key of this.#fullAt.keys()) {
      if (this.#fullAt.size <= maxKeys * 0.9) return;
      this.#fullAt.delete(key);
    }
  }
}

export function rateLimit(
  limit: RateLimit,
  limiter: RateLimiter,
  answers: Answers,
  now: () => number = () => performance.now(),
): Middleware {
  return {
    name: "rate-limit",
    request(head) {
      const wait = limiter.take(keyOf(limit.by, head), limit, now());
      if (wait === undefined) return { kind: "pass" };
      const seconds = String(Math.max(1, Math.ceil(wait / 1000)));
      return { kind: "answer", answer: answers.refuse("rate_limited", head, [["Retry-After", seconds]]) };
    },
  };
}

/** Who shares a bucket. Requests without the named header, cookie or parameter are counted by client. */
export function keyOf(by: string, head: RequestHead): string {
  const [kind, name = ""] = by.split(":", 2);
  if (kind === "route") return "route";
  const value = kind === "header" ? head.header(name.toLowerCase()) : partOf(kind ?? "", name, head);
  return value === undefined ? `client ${clientNetwork(head.clientAddress)}` : `${by} ${value}`;
}

function partOf(kind: string, name: string, head: RequestHead): string | undefined {
  if (kind === "cookie") return cookieOf(head.header("cookie"), name);
  return kind === "query" ? queryOf(head.target, name) : undefined;
}

/** One subscriber has a whole /64 of IPv6. */
export function clientNetwork(address: string): string {
  if (!address.includes(":")) return address;
  const [left = "", right] = address.split("::", 2);
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...Array.from({ length: zeros }, () => "0"), ...tail];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
