import type { FailureCode } from "./failures.ts";
import type { Instance, Instances } from "./instances.ts";
import type { CompiledPolicy } from "./policy/compiled-policy.ts";
import { compilePolicy, isShared, isStarting, workerState } from "./policy/compile.ts";
import type { TableRoute } from "./protocol.ts";
import { placeOf } from "./table-change.ts";
import { compileTable, type Requested, type RouteMatcher } from "./table.ts";

const none: readonly Instance[] = [];

/** A route ready for use. */
export class LiveRoute {
  readonly route: TableRoute;
  readonly instances: readonly Instance[];
  readonly policy: CompiledPolicy | undefined;
  #turn: number;

  constructor(route: TableRoute, instances: readonly Instance[], policy: CompiledPolicy | undefined, turn: number) {
    this.route = route;
    this.instances = instances;
    this.policy = policy;
    this.#turn = turn;
  }

  get turn(): number {
    return this.#turn;
  }

  /** Why there is no instance to ask. */
  get absence(): FailureCode {
    const { app, state } = this.route;
    if (app === undefined) return "no_app";
    if (state === "blank") return "H81";
    if (state === "starting") return "H20";
    return state === "crashed" ? "H10" : "H14";
  }

  /** Those to choose from: not tried, and one that is out only when no other is left. */
  candidates(tried: readonly Instance[] = none): readonly Instance[] {
    const rest = this.instances.filter((one) => !tried.includes(one));
    const up = rest.filter((one) => !one.isOut);
    return up.length > 0 ? up : rest;
  }

  /** Round robin. Never one that was tried; one that is out only when no other is left. */
  next(tried: readonly Instance[] = none): Instance | undefined {
    const { instances } = this;
    const count = instances.length;
    let index = this.#turn;
    let last: Instance | undefined;
    for (let step = 0; step < count; step++) {
      if (index >= count) index = 0;
      const instance = instances[index++] as Instance;
      if (tried.length > 0 && tried.includes(instance)) continue;
      if (!instance.isOut) {
        this.#turn = index;
        return instance;
      }
      last ??= instance;
    }
    this.#turn = index;
    return last;
  }
}

/** The routing table of one worker. What a route has gathered survives a change of the table. */
export class LiveTable {
  readonly #instances: Instances;
  #routes = new Map<string, LiveRoute>();
  #matcher: RouteMatcher<LiveRoute> = compileTable<LiveRoute>([]);

  constructor(instances: Instances) {
    this.#instances = instances;
  }

  match(request: Requested): LiveRoute | undefined {
    return this.#matcher.match(request);
  }

  /** `others`: ids of targets that no route of this table names, and that are in use all the same. */
  apply(routes: readonly TableRoute[], others: readonly string[] = []): void {
    const before = this.#routes;
    const next = new Map<string, LiveRoute>();
    for (const route of routes) {
      const key = placeOf(route);
      next.set(key, this.#enliven(route, before.get(key)));
    }
    this.#matcher = compileTable([...next.values()]);
    this.#routes = next;
    for (const [key, old] of before) {
      if (old.policy !== next.get(key)?.policy) old.policy?.dispose?.();
      if (old.policy !== undefined && !next.has(key)) workerState.forget(key);
    }
    const ids = routes.flatMap((route) => route.targets.map((target) => target.id));
    this.#instances.retain(new Set([...ids, ...others]));
  }

  #enliven(route: TableRoute, before: LiveRoute | undefined): LiveRoute {
    // What is the same object was told of no change.
    if (before?.route === route) return before;
    const instances = route.targets.map((target) => this.#instances.of(target));
    const isSame = before !== undefined && samePolicy(before.route, route);
    const policy = isSame ? before.policy : compilePolicy(route, before?.policy);
    return new LiveRoute(route, instances, policy, before?.turn ?? 0);
  }
}

function samePolicy(a: TableRoute, b: TableRoute): boolean {
  if (isShared(a) !== isShared(b) || isStarting(a) !== isStarting(b)) return false;
  if (a.policy === undefined && b.policy === undefined) return true;
  return a.app === b.app && JSON.stringify(a.policy) === JSON.stringify(b.policy);
}
