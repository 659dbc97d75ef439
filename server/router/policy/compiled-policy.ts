import type { FailureAnswer, FailureCode } from "../failures.ts";
import type { AnswerHook, Middleware, RequestHead } from "../middleware.ts";
import type { Policy } from "../policy.ts";
import type { Target } from "../protocol.ts";

/** A route's policy as the data path uses it. Every part may be left out. */
export interface CompiledPolicy {
  /** Asked in order before an instance is chosen. Hold and maintenance are middlewares too: they may take their time. */
  readonly middlewares: readonly Middleware[];
  readonly times?: Partial<Pick<Policy, "connectTimeoutMs" | "firstByteTimeoutMs" | "idleTimeoutMs">>;
  /** In place of round robin. */
  readonly picker?: Picker;
  /** Of a request's body; more is refused with 413, at once where the length is told beforehand. */
  readonly maxBodyBytes?: number;
  /** The answer to a failure in place of the router's own; undefined leaves it at that. */
  readonly renderFailure?: (code: FailureCode, head: RequestHead) => FailureAnswer | undefined;
  /** How requests reach the instances. */
  readonly instanceProtocol?: "http1" | "h2c";
  /** The route has left the table, or has another policy now. Requests that have begun still use this one. */
  readonly dispose?: () => void;
}

/** What a picker chooses from: never one that was tried, and those that lately refused only when no other is left. */
export interface Candidates {
  readonly targets: readonly Target[];
  /** Requests under way to a target in this worker. */
  inFlight(targetId: string): number;
}

export type Picked =
  | { readonly kind: "target"; readonly target: Target; readonly onAnswer?: AnswerHook; readonly onEnd?: () => void }
  | { readonly kind: "none"; readonly code: FailureCode };

/** Chooses the instance: least connections, sticky sessions, limits with a queue. */
export interface Picker {
  /** Undefined when none is fit; a promise while the request waits for its turn. */
  pick(head: RequestHead, candidates: Candidates): Picked | undefined | Promise<Picked | undefined>;
}
