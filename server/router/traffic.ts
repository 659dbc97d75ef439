import type { Balancer } from "./balance.ts";
import type { FailureCode } from "./failures.ts";
import type { InFlight } from "./inflight.ts";
import type { Transport } from "./instances.ts";
import type { Policy } from "./policy.ts";
import type { RequestRecord, TableRoute, Target } from "./protocol.ts";

/** What every exchange of one worker shares. */
export interface Traffic {
  readonly policy: Policy;
  readonly transport: Transport;
  readonly balancer: Balancer;
  readonly inFlight: InFlight;
  /** The worker ends: connections to clients are not kept. */
  readonly isClosing: boolean;
  /** By the table as it is at this moment. */
  match(host: string, target: string): TableRoute | undefined;
  finished(code: FailureCode | undefined, record: RequestRecord | undefined): void;
}

export type Choice =
  | { readonly kind: "target"; readonly target: Target; readonly leave: () => void }
  | { readonly kind: "none"; readonly code: FailureCode };

/** Chooses an instance for one request, and the next one when that refuses. */
export class Attempts {
  readonly #traffic: Traffic;
  readonly #host: string;
  readonly #target: string;
  readonly #closeTunnel: (() => void) | undefined;
  readonly #startedAt = performance.now();
  readonly #tried = new Set<string>();
  #refusal: FailureCode = "H21";
  /** App of the route, once known. */
  app: string | undefined;

  constructor(traffic: Traffic, host: string, target: string, closeTunnel?: () => void) {
    this.#traffic = traffic;
    this.#host = host;
    this.#target = target;
    this.#closeTunnel = closeTunnel;
  }

  /** Counts the chosen target as busy at once. Looks at the table anew: one chosen before may have been drained since. */
  next(): Choice {
    const { balancer, inFlight, policy } = this.#traffic;
    const route = this.#traffic.match(this.#host, this.#target);
    if (route === undefined) return { kind: "none", code: "unknown_route" };
    this.app = route.app;
    const now = performance.now();
    const mayTry = this.#tried.size < policy.maxAttempts && now - this.#startedAt < policy.connectBudgetMs;
    const target = mayTry ? balancer.next(route, this.#tried, now) : undefined;
    if (target === undefined) return { kind: "none", code: this.#tried.size > 0 ? this.#refusal : absent(route) };
    return { kind: "target", target, leave: inFlight.enter(target.id, this.#closeTunnel) };
  }

  /** Nothing was sent to this target. */
  refused(target: Target, code: FailureCode): void {
    this.#tried.add(target.id);
    this.#refusal = code;
    this.#traffic.balancer.refused(target.id, performance.now());
  }
}

function absent(route: TableRoute): FailureCode {
  if (route.app === undefined) return "no_app";
  if (route.state === "blank") return "H81";
  return route.state === "crashed" ? "H10" : "H14";
}
