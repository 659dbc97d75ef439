import type { AnswerHook, RequestHead } from "../middleware.ts";
import type { TableRoute, Target } from "../protocol.ts";
import { balanceOf, weighted, type Balance } from "./balance.ts";
import type { Candidates, Picked, Picker } from "./compiled-policy.ts";
import type { Hold, StartHold } from "./hold.ts";
import { instanceFields, pinnedTarget } from "./pinned.ts";
import type { Concurrency, RoutePolicy } from "./route-policy.ts";
import type { RouteServiceGate } from "./route-service.ts";
import type { Slots } from "./slots.ts";
import { type Stickiness, stickiness } from "./sticky.ts";

export interface PickerParts {
  readonly slots: Slots;
  readonly hold: Hold | undefined;
  readonly start?: StartHold | undefined;
  readonly service: RouteServiceGate | undefined;
  /** Among which a limit is divided. */
  readonly workers: number;
}

/** Chooses an instance: the hold first, then the one asked for, the one of before, one by balance that has room. */
export function createPicker(policy: RoutePolicy, parts: PickerParts): Picker {
  return new PolicyPicker(policy, parts);
}

class PolicyPicker implements Picker {
  readonly #parts: PickerParts;
  readonly #balance: Balance;
  readonly #weighted: Balance;
  readonly #sticky: Stickiness | undefined;
  readonly #limit: Concurrency | undefined;

  constructor(policy: RoutePolicy, parts: PickerParts) {
    const make = () => balanceOf(policy.balance);
    this.#parts = parts;
    this.#balance = make();
    this.#weighted = weighted(make);
    this.#sticky = policy.sticky && stickiness(policy.sticky);
    this.#limit = policy.concurrency;
  }

  pick(head: RequestHead, candidates: Candidates): Picked | undefined {
    const held = this.#parts.hold?.wait();
    if (held !== undefined) return held;
    const { service } = this.#parts;
    if (service !== undefined && service.legOf(head) !== "back") return outward(service, candidates);
    const starting = this.#parts.start?.wait(candidates.arrivedAt);
    if (starting !== undefined) return starting;
    const { route, targets } = candidates;
    const pinned = pinnedTarget(head, route, targets);
    if (pinned.kind === "invalid") return { kind: "none", code: "bad_instance" };
    // One that exists and refused is no client's mistake: the failure of the connection is told.
    if (pinned.kind === "unknown") return route.targets.length > targets.length ? undefined : unknownInstance;
    const only = pinned.kind === "target" ? pinned.target : this.#sticky?.find(head, targets);
    return this.#withRoom(head, candidates, only === undefined ? targets : [only]);
  }

  #withRoom(head: RequestHead, candidates: Candidates, targets: readonly Target[]): Picked | undefined {
    if (targets.length === 0) return undefined;
    const perWorker = this.#limit && Math.max(1, Math.floor(this.#limit.perInstance / this.#parts.workers));
    const { slots } = this.#parts;
    const free = perWorker === undefined ? targets : targets.filter((target) => slots.taken(target.id) < perWorker);
    if (free.length === 0) return this.#inLine(candidates, targets);
    const isShared = free.some((target) => target.share !== undefined);
    const target = (isShared ? this.#weighted : this.#balance)(free, (id) => candidates.inFlight(id), head);
    if (target === undefined) return undefined;
    const onEnd = this.#limit && slots.take(target.id);
    const onAnswer = this.#remember(head, candidates.route, target);
    return { kind: "target", target, ...(onEnd && { onEnd }), ...(onAnswer && { onAnswer }) };
  }

  #remember(head: RequestHead, route: TableRoute, target: Target): AnswerHook | undefined {
    return this.#sticky?.remember(head, route, target);
  }

  #inLine({ route, arrivedAt }: Candidates, targets: readonly Target[]): Picked {
    const { slots } = this.#parts;
    const key = `${route.host} ${route.path}`;
    const { queue = 0, queueTimeoutMs = 0 } = this.#limit ?? {};
    const left = queueTimeoutMs - (performance.now() - arrivedAt);
    if (queue === 0) return { kind: "none", code: "H22" };
    if (left <= 0 || slots.waiting(key) >= queue) return { kind: "none", code: "H11" };
    const ids = targets.map((target) => target.id);
    return { kind: "wait", ...slots.wait(key, ids, left) };
  }
}

/** To the route service, whatever instances there are. One that has refused is not tried again. */
function outward({ target }: RouteServiceGate, { tried }: Candidates): Picked {
  return tried.has(target.id) ? { kind: "none", code: "route_service_failed" } : { kind: "target", target };
}

const unknownInstance: Picked = { kind: "none", code: "unknown_instance" };

/** For requests that name an instance on a route without policy. */
export const namesInstance = (has: (name: string) => boolean): boolean => instanceFields.some(has);
