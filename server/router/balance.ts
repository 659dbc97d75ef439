import type { TableRoute, Target } from "./protocol.ts";

/** Which target takes the next request. Replaceable: knows neither sockets nor HTTP. */
export interface Balancer {
  /** Skips `tried`; a target that lately refused is taken only when no other is left. */
  next(route: TableRoute, tried: ReadonlySet<string>, now: number): Target | undefined;
  /** The target refused a connection at `now`. */
  refused(targetId: string, now: number): void;
  /** Forgets what is not in these routes. */
  retain(routes: readonly TableRoute[]): void;
}

const quarantineMs = 5_000;

/** Round robin per route. The turn survives a change of the table. */
export class RoundRobin implements Balancer {
  readonly #turns = new Map<string, number>();
  readonly #refusedAt = new Map<string, number>();

  next(route: TableRoute, tried: ReadonlySet<string>, now: number): Target | undefined {
    const { targets } = route;
    const key = keyOf(route);
    const start = this.#turns.get(key) ?? 0;
    let fallback: number | undefined;
    for (let step = 0; step < targets.length; step++) {
      const index = (start + step) % targets.length;
      const target = targets[index];
      if (target === undefined || tried.has(target.id)) continue;
      if (!this.#isQuarantined(target.id, now)) return this.#take(key, index, target);
      fallback ??= index;
    }
    const last = fallback === undefined ? undefined : targets[fallback];
    return last === undefined ? undefined : this.#take(key, fallback ?? 0, last);
  }

  refused(targetId: string, now: number): void {
    this.#refusedAt.set(targetId, now);
  }

  retain(routes: readonly TableRoute[]): void {
    const keys = new Set(routes.map(keyOf));
    const ids = new Set(routes.flatMap((route) => route.targets.map((target) => target.id)));
    for (const key of this.#turns.keys()) if (!keys.has(key)) this.#turns.delete(key);
    for (const id of this.#refusedAt.keys()) if (!ids.has(id)) this.#refusedAt.delete(id);
  }

  #take(key: string, index: number, target: Target): Target {
    this.#turns.set(key, index + 1);
    return target;
  }

  #isQuarantined(id: string, now: number): boolean {
    const at = this.#refusedAt.get(id);
    if (at === undefined) return false;
    if (now - at < quarantineMs) return true;
    this.#refusedAt.delete(id);
    return false;
  }
}

function keyOf(route: TableRoute): string {
  return `${route.host} ${route.path}`;
}
